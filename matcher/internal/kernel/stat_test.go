package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"pidproof/testdata/must"
)

const statExample = "4000001 (a) b) S 1 4000001 4000001 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 10000 4096 1 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"

// As a program of 32 bits procfs had no number for 4 GiB: `check` could not tell of a daemon under qemu-user (Test32Bit
// under a kernel of 64 bits).
const (
	wideExample = "4000001 (a) b) S 1 4000001 4000001 34816 -1 4194304 4294967297 4294967298 0 0 1 2 4294967299 0 20 0 3 0 10000 5368709120 70000 18446744073709551615 65536 1 140737488351232 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 4294967300 0 0 0 0 0 0 0 0\n"
	widePattern = "{Comm:a) b State:S PPID:1 Group:4000001 Session:4000001 Terminal:true Flags:4194304 Threads:3 Memory:{program:65536 stack:140737488351232} Start:10000}"
)

func TestWideStat(t *testing.T) {
	byReader, _ := parsers(t)
	for name, read := range map[string]func([]byte) (Stat, error){"ReadStat": byReader, "parseStat": parseStat} {
		if s, err := read([]byte(wideExample)); err != nil || fmt.Sprintf("%+v", s) != widePattern {
			t.Errorf("%s: got %+v, %v", name, s, err)
		}
		for _, broken := range []string{"", "1", "1 (a", ") (", "1 (a)", "1 (a) S", "1 (a) S" + strings.Repeat(" 1", 24), strings.Replace(wideExample, " 3 0 ", " x 0 ", 1),
			strings.Replace(wideExample, " 10000 ", " -10000 ", 1), strings.Replace(wideExample, " S ", " SS ", 1)} {
			if s, err := read([]byte(broken)); !errors.Is(err, errDamaged) || s != (Stat{}) {
				t.Errorf("%s: %q was read as %+v, %v", name, broken, s, err)
			}
		}
	}
}

// Where procfs can read a line, ours makes the same of it.
func TestParseStat(t *testing.T) {
	byProcfs, _ := parsers(t)
	all, err := os.ReadDir("/proc")
	must.Do(t, err)
	compared := 0
	for _, e := range all {
		line, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		ours, err := parseStat(line)
		theirs, err2 := byProcfs(line)
		if compared++; ours != theirs || err != nil || err2 != nil {
			t.Errorf("%q is read as\n%+v, %v, and procfs reads\n%+v, %v", line, ours, err, theirs, err2)
		}
	}
	if compared < 2 {
		t.Errorf("only %d processes were compared", compared)
	}
}

// procfs panics on a stat file that ends behind the name.
func FuzzParseStat(f *testing.F) {
	byReader, _ := parsers(f)
	f.Add([]byte(statExample))
	f.Add([]byte(wideExample))
	f.Add([]byte("4000001 (daemon)"))
	f.Add([]byte("4000001 (daemon"))
	f.Add([]byte(") ("))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, read := range []func([]byte) (Stat, error){byReader, parseStat} {
			s, err := read(content)
			if err == nil && (len(s.State) != 1 || !bytes.Contains(content, []byte("("+s.Comm+")"))) {
				t.Fatalf("%q was read as %+v", content, s)
			}
			if err != nil && s != (Stat{}) {
				t.Fatalf("%q: %+v beside an error", content, s)
			}
		}
	})
}
