package kernel

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/must"
)

// A file that was renamed, made another link of or touched may have been executed under
// another name before; one that was only written was not. Bench of 2026-11: with 10,000
// processes of a new file each one's arguments were read, and pidof took twice as long.
func TestAsCreated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "webd")
	stat := func(path string) unix.Statx_t {
		t.Helper()
		st, err := StatxAt(unix.AT_FDCWD, path, 0, TimesMask)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	must.Write(t, path, "x")
	if st := stat(path); !AsCreated(st) {
		t.Errorf("just written: %+v", st)
	}
	time.Sleep(20 * time.Millisecond) // two jiffies: the clock of files is a coarse one
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	st := stat(path + ".old")
	if AsCreated(st) {
		t.Errorf("renamed: %+v", st)
	}
	st.Mtime = st.Ctime
	if st.Btime.Sec -= 10; AsCreated(st) {
		t.Error("renamed, touched at once, ten seconds after it was made")
	}
	if st = stat(path + ".old"); st.Mask&unix.STATX_BTIME == 0 {
		t.Error("no time of birth is kept here")
	}
	st.Mtime, st.Btime, st.Mask = st.Ctime, unix.StatxTimestamp{}, unix.STATX_BASIC_STATS
	if AsCreated(st) {
		t.Error("no time of birth is known")
	}
}
