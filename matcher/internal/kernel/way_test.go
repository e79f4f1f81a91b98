package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/must"
	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

// untilAnswered fails the test where a question waits for a server.
func untilAnswered[T any](t *testing.T, ask func() T) (answer T) {
	t.Helper()
	answered := make(chan T, 1)
	go func() { answered <- ask() }()
	select {
	case answer = <-answered:
	case <-time.After(waiting.Limit):
		t.Fatal("it waits for the server")
	}
	return answer
}

// mute mounts a FUSE file system whose server reads nothing.
func mute(t *testing.T) (dir string) {
	t.Helper()
	need.Root(t)
	need.File(t, "/dev/fuse")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must.Do(t, err)
	server, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	must.Do(t, err)
	err = unix.Mount("mute", dir, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", server))
	t.Cleanup(func() {
		_ = unix.Unmount(dir, unix.MNT_FORCE|unix.MNT_DETACH)
		unix.Close(server)
	})
	must.Do(t, err)
	return dir
}

// What the kernel tells without the table of mounts is what the table tells, and asks no
// server either.
func TestLeadsToNoServer(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must.Do(t, err)
	must.Write(t, dir+"/file", "")
	must.Do(t, os.Mkdir(dir+"/local", 0o755), unix.Mount("none", dir+"/local", "tmpfs", 0, ""))
	t.Cleanup(func() { _ = unix.Unmount(dir+"/local", unix.MNT_DETACH) })
	fuse := mute(t)
	for name, target := range map[string]string{"link": "file", "loop": "loop", "abs": dir + "/local", "to": fuse, "up": "local/../to/x"} {
		must.Do(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	table, err := servedMounts()
	must.Do(t, err)
	tells := leadsToNoServer([]string{"/"})
	if !tells {
		t.Log("this kernel does not tell: it is older than Linux 6.8, or has a file system that asks when it is entered")
	}
	for path, free := range map[string]bool{
		"/": true, "//proc/./self/": true, dir + "/file": true, dir + "/link": true, dir + "/abs": true, dir + "/local/../file": true,
		dir + "/file/x": true, dir + "/loop": false, fuse: false, fuse + "/x": false, dir + "/to": false, dir + "/to/../x": false, dir + "/up": false,
	} {
		ask := func() bool { return leadsToNoServer([]string{"/", path}) }
		if got := untilAnswered(t, ask); got && !free || free && tells && !waiting.Until(func() bool {
			_, _ = os.Stat(path) // which the kernel may have forgotten
			return ask()
		}) {
			t.Errorf("%s: got %v", path, got)
		}
		_, may := mayHang(table, []string{path})
		if got := untilAnswered(t, func() string { where, _ := MayHang(path); return where }); may != strings.HasPrefix(got, "the fuse file system on "+fuse) {
			t.Errorf("%s may hang: %v, and it is said: %q", path, may, got)
		}
	}
}

func TestMountedKind(t *testing.T) {
	var st unix.Statx_t
	must.Do(t, unix.Statx(unix.AT_FDCWD, "/proc", 0, unix.STATX_MNT_ID_UNIQUE, &st))
	if st.Mask&unix.STATX_MNT_ID_UNIQUE == 0 {
		t.Log("this kernel is older than Linux 6.8")
		return
	}
	if kind, err := mountedKind(st.Mnt_id); err != nil || kind != "proc" {
		t.Errorf("got %q, %v", kind, err)
	}
	if kind, err := mountedKind(1 << 62); err == nil {
		t.Errorf("of no mount: %q", kind)
	}
}
