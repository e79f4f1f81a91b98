package matcher

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/kernel"
	"pidproof/testdata/must"
)

// `check ssh` asked about the client in PATH.
func TestDaemonsNameInSbinFirst(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"sbin/sshd", "bin/sshd", "bin/ssh"} {
		must.Do(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755), os.WriteFile(filepath.Join(dir, name), nil, 0o755))
	}
	h := &host{System: kernel.ThisSystem(), sbin: dir + "/sbin", path: dir + "/bin"}
	for name, want := range map[string]string{"sshd": "/sbin/sshd", "ssh": "/bin/ssh"} {
		if d, err := h.findDaemon(name); err != nil || d.Path != dir+want {
			t.Errorf("%s: %s, %v, want %s", name, d.Path, err, dir+want)
		}
	}
}

// A user's pidfiles name many wrappers, each of which takes a look at all processes to be
// told: that is taken for all of them together.
func TestUnnamedWrappersAreFoundTogether(t *testing.T) {
	const many, wrapper, daemon = 50, 4000001, 4000002
	f := loadFixture(t, fixtures+"/unnamed-wrapper.txtar")
	helper := f.path("usr/bin/daemon-helper") // looks like the daemon at first sight
	f.write("usr/bin/daemon-helper", "elf", 0o755)
	f.must(os.Remove(f.path("proc/4000001/exe")))
	f.must(os.Symlink(helper, f.path("proc/4000001/exe")))
	for i := range many {
		f.write(fmt.Sprintf("run/many-%d.pid", i), fmt.Sprintln(wrapper), 0o644)
	}
	var looks atomic.Int32
	f.host.PidfdOpen = func(pid int) (int, error) {
		if pid == daemon {
			looks.Add(1)
		}
		return -1, unix.ENOSYS
	}
	f.must(f.host.Open())
	d, err := f.host.findDaemon(f.in.Daemon)
	f.must(err)
	paths, err := f.host.pidfilesOf(d)
	f.must(err)
	if len(paths) != 1 || looks.Load() > 5 {
		t.Errorf("found %q, having looked at the daemon %d times", paths, looks.Load())
	}
}
