package matcher

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/procfs"
)

const statExample = "4000001 (a) b) S 1 4000001 4000001 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 10000 4096 1 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"

// procfs panics on a stat file that ends behind the name.
func FuzzReadStat(f *testing.F) {
	f.Add([]byte(statExample))
	f.Add([]byte("4000001 (daemon)"))
	f.Add([]byte("4000001 (daemon"))
	f.Add([]byte(") ("))
	f.Add([]byte(""))
	dir := f.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "7"), 0o755); err != nil {
		f.Fatal(err)
	}
	fs, err := procfs.NewFS(dir)
	if err != nil {
		f.Fatal(err)
	}
	proc, err := fs.Proc(7)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, "7", "stat"), content, 0o644); err != nil {
			t.Fatal(err)
		}
		if stat, err := readStat(proc); err == nil && stat.State == "" {
			t.Fatalf("%q was read as %+v", content, stat)
		}
	})
}

// A process whose facts are damaged is unknown, never dead.
func TestDamagedStat(t *testing.T) {
	f := loadFixture(t, filepath.Join(fixtures, "same-file.txtar"))
	f.must(os.Remove(f.path("proc/4000001/stat")))
	f.write("proc/4000001/stat", "4000001 (daemon)", 0o444)
	report, err := f.host.check(context.Background(), f.in)
	if err != nil || report.Verdict != Unknown {
		t.Errorf("got %v (%s), %v; want unknown", report.Verdict, report.Reason, err)
	}
}
