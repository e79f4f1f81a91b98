package matcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
	"pidproof/testdata/must"
	"pidproof/testdata/need"
)

func TestRemovePidfile(t *testing.T) {
	for _, c := range []struct {
		name    string
		content string
		// between reading and removing
		change func(path string) error
		why    string // of refusing; "": it is removed, or gone
	}{
		{"as it was", "123\n", nil, ""},
		{"it named nobody, and still does", "12abc\n", nil, ""},
		{"empty", "", nil, ""},
		{"gone", "123\n", os.Remove, ""},
		{"its directory is gone", "123\n", func(path string) error { return os.RemoveAll(filepath.Dir(path)) }, ""},
		{"its directory is a file", "123\n", func(path string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(path)), os.WriteFile(filepath.Dir(path), nil, 0o644))
		}, "not a directory"},
		{"written again, the same", "123\n", func(path string) error { return os.WriteFile(path, []byte("123\n"), 0o644) }, ""},
		{"touched", "123\n", func(path string) error { return os.Chmod(path, 0o600) }, ""},
		{"written in place", "123\n", func(path string) error { return os.WriteFile(path, []byte("124\n"), 0o644) }, "written again"},
		{"truncated, as a daemon that starts does", "123\n", func(path string) error { return os.Truncate(path, 0) }, "written again"},
		{"written where it named nobody", "", func(path string) error { return os.WriteFile(path, []byte("124\n"), 0o644) }, "written again"},
		{"renamed over, the same number", "123\n", func(path string) error {
			return errors.Join(os.WriteFile(path+".new", []byte("123\n"), 0o644), os.Rename(path+".new", path))
		}, "written again"},
		{"removed and made again", "123\n", func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, []byte("123\n"), 0o644))
		}, "written again"},
		{"a link to itself elsewhere", "123\n", func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.Symlink(path+".old", path))
		}, "symbolic link"},
		{"a link that leads nowhere", "123\n", func(path string) error {
			return errors.Join(os.Remove(path), os.Symlink("nowhere", path))
		}, "symbolic link"},
		{"a directory", "123\n", func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) }, "a directory"},
		{"a FIFO that nobody writes", "123\n", func(path string) error {
			return errors.Join(os.Remove(path), unix.Mkfifo(path, 0o644))
		}, "a FIFO"},
		{"it has another name too", "123\n", func(path string) error { return os.Link(path, path+".other") }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run", "x.pid")
			must.Do(t, os.Mkdir(filepath.Dir(path), 0o755))
			must.Write(t, path, c.content)
			p := thisHost().readPidfileOnce(path)
			if c.change != nil {
				must.Do(t, c.change(path))
			}
			before := neighbours(path)
			err := Pidfile{p}.Remove()
			after := neighbours(path)
			if c.why == "" {
				before = strings.Replace(before, "x.pid ", "", 1)
			}
			if after != before {
				t.Errorf("left %q, want %q", after, before)
			}
			wantRemoved(t, err, path, c.why)
		})
	}
}

func wantRemoved(t *testing.T, err error, path, why string) {
	t.Helper()
	switch {
	case why == "" && err != nil:
		t.Errorf("got %v, want it removed", err)
	case why != "" && (!errors.Is(err, errNotRemoved) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), why)):
		t.Errorf("got %v, want errNotRemoved of %s: %s", err, path, why)
	}
}

// neighbours are the names in the directory of path.
func neighbours(path string) string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return ""
	}
	names := ""
	for _, e := range entries {
		names += e.Name() + " "
	}
	return names
}

// Only what was read as a pidfile is removed: no FIFO, no device, nothing that was
// never read.
func TestRemoveOnlyPidfiles(t *testing.T) {
	dir := t.TempDir()
	fifo, socket := filepath.Join(dir, "fifo"), filepath.Join(dir, "socket")
	must.Do(t, unix.Mkfifo(fifo, 0o644), unix.Mknod(socket, unix.S_IFSOCK|0o644, 0), os.Mkdir(dir+"/directory", 0o755))
	must.Write(t, dir+"/unread", "123\n")
	unread := rules.Pidfile{Path: dir + "/unread"}
	pidfiles := []rules.Pidfile{unread, {Path: unread.Path, State: rules.PidfileAbsent}, unusablePidfile(unread, "it could not be read")}
	for _, path := range []string{fifo, socket, dir + "/directory"} {
		p := thisHost().readPidfileOnce(path)
		if p.State != rules.PidfileUnusable {
			t.Fatalf("%s is %v", path, p.State)
		}
		pidfiles = append(pidfiles, p)
	}
	for _, p := range pidfiles {
		if err := (Pidfile{p}).Remove(); !errors.Is(err, errNotRemoved) {
			t.Errorf("%s (%v): %v, want errNotRemoved", p.Path, p.State, err)
		}
		if _, err := os.Lstat(p.Path); err != nil {
			t.Errorf("%s is gone: %v", p.Path, err)
			must.Write(t, p.Path, "")
		}
	}
	if err := (Pidfile{(rules.Pidfile{})}).Remove(); err == nil {
		t.Error("no pidfile at all was removed")
	}
}

// `-p /dev/null` means none.
func TestDevNullIsNotRemoved(t *testing.T) {
	need.Root(t)
	null := filepath.Join(t.TempDir(), "null")
	must.Do(t, unix.Mknod(null, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	p := thisHost().readPidfileOnce(null)
	if p.State != rules.PidfileAbsent {
		t.Fatalf("%v", p.State)
	}
	_ = Pidfile{p}.Remove()
	if _, err := os.Lstat(null); err != nil {
		t.Error(err)
	}
}

// What may not be removed: another user in root's directory, or in one that is
// not to be written. setfsuid(2) is about one thread.
func TestRemoveWhereNotPermitted(t *testing.T) {
	dir := t.TempDir()
	must.Do(t, os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o555))
	defer os.Chmod(dir, 0o755)
	path := filepath.Join(dir, "x.pid")
	if os.Geteuid() == 0 {
		must.Write(t, path, "123\n")
	} else {
		must.Do(t, os.Chmod(dir, 0o755))
		must.Write(t, path, "123\n")
		must.Do(t, os.Chmod(dir, 0o555))
	}
	p := thisHost().readPidfileOnce(path)
	err := asAnother(t, func() error { return Pidfile{p}.Remove() })
	wantRemoved(t, err, path, "permission denied")
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
}

// asAnother does something as a user who is not root, as far as files go.
func asAnother(t *testing.T, do func() error) error {
	t.Helper()
	if os.Geteuid() != 0 {
		return do()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	must.Do(t, unix.Setfsuid(64123))
	defer unix.Setfsuid(0)
	return do()
}

// Over a link on the way the path leads to another file, which may say the same.
func TestRemoveBehindARetargetedLink(t *testing.T) {
	dir := t.TempDir()
	must.Files("one/x.pid", "two/x.pid")(t, dir)
	must.Do(t, os.Symlink("one", dir+"/link"))
	p := thisHost().readPidfileOnce(dir + "/link/x.pid")
	must.Do(t, os.Symlink("two", dir+"/new"), os.Rename(dir+"/new", dir+"/link"))
	wantRemoved(t, Pidfile{p}.Remove(), dir+"/link/x.pid", "written again")
	for _, path := range []string{"/one/x.pid", "/two/x.pid"} {
		if _, err := os.Lstat(dir + path); err != nil {
			t.Error(err)
		}
	}
	must.Do(t, os.Symlink("one", dir+"/new"), os.Rename(dir+"/new", dir+"/link"))
	wantRemoved(t, Pidfile{p}.Remove(), dir+"/link/x.pid", "")
	if names := neighbours(dir + "/one/x.pid"); names != "" {
		t.Errorf("left %s", names)
	}
}

// `link/..` is the parent of what the link leads to: what is removed is what was read.
func TestRemoveAboveALink(t *testing.T) {
	dir := t.TempDir()
	must.Files("far/x.pid", "far/one/empty")(t, dir)
	must.Do(t, os.Symlink("far/one", dir+"/link"))
	p := thisHost().readPidfileOnce(dir + "/link/../x.pid")
	if p.State != rules.PidfileNames {
		t.Fatalf("%v", p.State)
	}
	wantRemoved(t, Pidfile{p}.Remove(), p.Path, "")
	if _, err := os.Lstat(dir + "/far/x.pid"); err == nil {
		t.Error("it is there still, and nobody was told")
	}
}

// A pidfile's own link is nothing that was read: it stays, and so does its target.
func TestRemoveThroughALink(t *testing.T) {
	dir := t.TempDir()
	must.Files("far/y.pid")(t, dir)
	must.Do(t, os.Symlink("far/y.pid", dir+"/x.pid"))
	p := thisHost().readPidfileOnce(dir + "/x.pid")
	if p.State != rules.PidfileNames {
		t.Fatalf("%v", p.State)
	}
	wantRemoved(t, Pidfile{p}.Remove(), p.Path, "symbolic link to far/y.pid")
	if names := neighbours(dir + "/x.pid"); names != "far x.pid " {
		t.Errorf("left %s", names)
	}
}

// The owner of a directory exchanges it for a link to another, again and again: the
// other's file, which says the same, is never removed.
func TestRemoveWhileTheDirectoryIsExchanged(t *testing.T) {
	dir := t.TempDir()
	must.Files("own/x.pid", "victim/x.pid")(t, dir)
	must.Do(t, os.Symlink("victim", dir+"/link"))
	own, err := os.Open(dir + "/own")
	must.Do(t, err)
	defer own.Close()
	victim, err := os.Open(dir + "/victim")
	must.Do(t, err)
	defer victim.Close()
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
				if err := unix.Renameat2(unix.AT_FDCWD, dir+"/own", unix.AT_FDCWD, dir+"/link", unix.RENAME_EXCHANGE); err != nil {
					stopped <- err
					return
				}
			}
		}
	}()
	removed := 0
	for range 2000 {
		p := thisHost().readPidfileOnce(dir + "/own/x.pid")
		victims := p.ID == kernel.Identify(dir+"/victim/x.pid").Value
		err := Pidfile{p}.Remove()
		if err != nil && !errors.Is(err, errNotRemoved) {
			t.Fatal(err)
		}
		for _, in := range []*os.File{own, victim} {
			path := fmt.Sprintf("/proc/self/fd/%d/x.pid", in.Fd()) // wherever it is now
			if _, err := os.Lstat(path); err == nil {
				continue
			}
			if removed++; victims != (in == victim) {
				t.Fatalf("%s's file was removed, and another was read", in.Name())
			}
			must.Write(t, path, "1")
		}
	}
	close(stop)
	must.Do(t, <-stopped)
	if removed == 0 {
		t.Error("nothing was ever removed")
	}
}

// NameNobody keeps what Remove would take away, under the same conditions; but a file
// of several names may be anything under the others. Of all that was in it nothing is left.
func TestNameNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pid")
	must.Write(t, path, "123\n/var/lib/postgresql\n5432\n")
	p := thisHost().readPidfileOnce(path)
	must.Do(t, os.Link(path, path+".other"))
	linked := thisHost().readPidfileOnce(path)
	if err := (Pidfile{linked}).NameNobody(); err == nil {
		t.Error("a file of two names was written")
	}
	must.Do(t, os.Remove(path+".other"))
	must.Do(t, Pidfile{p}.NameNobody())
	if content, err := os.ReadFile(path); err != nil || string(content) != "4194304\n" {
		t.Errorf("it says %q, %v", content, err)
	}
	must.Write(t, path, "124\n")
	if err := (Pidfile{p}).NameNobody(); err == nil {
		t.Error("a successor's was written")
	}
}

// The daemon's user mounts a file system (fusermount(1)) whose server does not answer on the
// pidfile's directory, or on the pidfile itself, after it was read. What is entered here
// answers at once, that it has no server: who does not enter it is not told.
func TestFileServerBeforeThePidfileIsReadAgain(t *testing.T) {
	need.Root(t)
	need.File(t, "/dev/fuse")
	const user = 65534
	for _, on := range []string{"own", "own/x.pid"} {
		run := t.TempDir()
		path := filepath.Join(run, "own/x.pid")
		must.Do(t, os.Mkdir(filepath.Dir(path), 0o755))
		must.Write(t, path, "4000001\n")
		must.Do(t, os.Chown(filepath.Dir(path), user, user), os.Chown(path, user, user))
		h := thisHost()
		h.run = []string{run}
		p := h.walk().all[0]
		mountDead(t, filepath.Join(run, on))
		if err := (Pidfile{p}).Remove(); !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), "whose server may not answer") {
			t.Errorf("mounted on %s, removing: %v", on, err)
		}
		if now := h.reread(p, Instance{}); !errors.Is(now.Err, fact.ErrMayHang) {
			t.Errorf("mounted on %s, reading again: %v (%v)", on, now.State, now.Err)
		}
	}
}

// mountDead mounts a file system without a server.
func mountDead(t *testing.T, on string) {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	must.Do(t, err)
	st, err := os.Stat(on)
	must.Do(t, err)
	mode := unix.S_IFREG
	if st.IsDir() {
		mode = unix.S_IFDIR
	}
	must.Do(t, unix.Mount("dead", on, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=%o,user_id=0,group_id=0", fd, mode)), unix.Close(fd))
	t.Cleanup(func() { must.Do(t, unix.Unmount(on, unix.MNT_DETACH)) })
}
