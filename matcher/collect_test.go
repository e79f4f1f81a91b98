package matcher

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

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
