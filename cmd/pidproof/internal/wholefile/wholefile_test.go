package wholefile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
)

var contents = [][]byte{bytes.Repeat([]byte("old\n"), 1<<18), bytes.Repeat([]byte("new content\n"), 1<<17)}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func root(t *testing.T, dir string) *os.Root {
	t.Helper()
	r, err := os.OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

// holds checks the whole directory: files by name, and nothing else.
func holds(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if _, wanted := files[e.Name()]; !wanted {
			t.Errorf("%s holds %s", dir, e.Name())
		}
	}
	for name, want := range files {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(content) != want {
			t.Errorf("%s: %.20q (%d bytes), %v; want %.20q", name, content, len(content), err, want)
		}
	}
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	st, err := os.Lstat(path)
	must(t, err)
	return st.Mode()
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	umask := unix.Umask(0o077)
	defer unix.Umask(umask)
	for _, mode := range []fs.FileMode{0o644, 0o600, 0o666} { // anew, then over the old
		must(t, Write(dir+"/x", []byte(mode.String()), mode))
		holds(t, dir, map[string]string{"x": mode.String()})
		if got := modeOf(t, dir+"/x"); got != mode {
			t.Errorf("mode %v, want %v", got, mode)
		}
	}
	must(t, Write("x", nil, 0o644)) // without a directory, in the current one
	holds(t, dir, map[string]string{"x": ""})
	must(t, os.Link("x", "other"), Write("x", []byte("new"), 0o644))
	holds(t, dir, map[string]string{"x": "new", "other": ""})
}

func TestCreateIn(t *testing.T) {
	dir := t.TempDir()
	must(t, CreateIn(root(t, dir), "x", []byte("first"), 0o640))
	if got := modeOf(t, dir+"/x"); got != 0o640 {
		t.Errorf("mode %v", got)
	}
	must(t, os.Symlink("nowhere", dir+"/link"))
	for _, name := range []string{"x", "link"} {
		err := CreateIn(root(t, dir), name, []byte("second"), 0o644)
		if !errors.Is(err, fs.ErrExist) || !strings.HasPrefix(err.Error(), dir+"/"+name+" not written: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, os.Remove(dir+"/link"))
	holds(t, dir, map[string]string{"x": "first"})
}

// The directory is the open one, whatever has its path by now.
func TestReplaceInAMovedDirectory(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/own", 0o755), os.Mkdir(dir+"/victim", 0o755))
	r := root(t, dir+"/own")
	must(t, os.Rename(dir+"/own", dir+"/moved"), os.Symlink("victim", dir+"/own"))
	must(t, ReplaceIn(r, "x", []byte("1"), 0o644, nil))
	holds(t, dir+"/moved", map[string]string{"x": "1"})
	holds(t, dir+"/victim", nil)
}

func TestReplaceInGivesTheFileAway(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	must(t, ReplaceIn(root(t, dir), "x", []byte("1"), 0o664, &Owner{1234, 1235}))
	var st unix.Stat_t
	must(t, unix.Stat(dir+"/x", &st))
	if st.Uid != 1234 || st.Gid != 1235 || st.Mode&0o7777 != 0o664 {
		t.Errorf("uid %d, gid %d, mode %o", st.Uid, st.Gid, st.Mode)
	}
}

func TestRefusesWhatIsNoRegularFile(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/target", []byte("old"), 0o644), os.Symlink("target", dir+"/link"), os.Symlink("nowhere", dir+"/dangling"),
		unix.Mkfifo(dir+"/fifo", 0o644), os.Mkdir(dir+"/directory", 0o755))
	for path, why := range map[string]string{
		dir + "/link":      "symbolic link to target: name the file itself",
		dir + "/dangling":  "symbolic link to nowhere",
		dir + "/fifo":      "no regular file",
		dir + "/directory": "no regular file",
		dir + "/target/":   "its directory: not a directory",
		dir + "/absent/x":  "its directory: no such file or directory",
		dir + "/":          "no name",
		dir + "/..":        "no name",
		"":                 "no name",
	} {
		if err := Write(path, []byte("new"), 0o644); err == nil || !strings.HasPrefix(err.Error(), path+" not written: ") || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v; want %s", path, err, why)
		}
	}
	for _, name := range []string{"", ".", "..", "directory/x", "/x"} {
		if err := errors.Join(ReplaceIn(root(t, dir), name, nil, 0o644, nil)); err == nil {
			t.Errorf("%q was replaced", name)
		}
		if err := CreateIn(root(t, dir), name, nil, 0o644); err == nil {
			t.Errorf("%q was created", name)
		}
	}
	if modeOf(t, dir+"/fifo").Type() != fs.ModeNamedPipe {
		t.Error("the FIFO was replaced")
	}
	must(t, os.Remove(dir+"/link"), os.Remove(dir+"/dangling"), os.Remove(dir+"/fifo"), os.Remove(dir+"/directory"))
	holds(t, dir, map[string]string{"target": "old"})
}

// A null device of our own: when the guard was broken once, the machine's was lost.
func TestRefusesDevices(t *testing.T) {
	need.Root(t)
	path := t.TempDir() + "/null"
	must(t, unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	if err := Write(path, []byte("new"), 0o644); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Error(err)
	}
	if modeOf(t, path).Type() != fs.ModeDevice|fs.ModeCharDevice {
		t.Error("it was replaced")
	}
}

// mounted puts a file system on dir for the rest of the test; supervise has given
// us a mount tree of our own.
func mounted(t *testing.T, source, dir, kind string, flags uintptr, data string) {
	t.Helper()
	must(t, unix.Mount(source, dir, kind, flags, data))
	t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
}

// refused has each way of writing fail with errno, and checks that nothing changed.
func refused(t *testing.T, dir string, errno syscall.Errno, files map[string]string) {
	t.Helper()
	for name, err := range map[string]error{
		"Write":     Write(dir+"/x", contents[1], 0o644),
		"Write y":   Write(dir+"/y", contents[1], 0o644),
		"ReplaceIn": ReplaceIn(root(t, dir), "x", contents[1], 0o644, nil),
		"CreateIn":  CreateIn(root(t, dir), "y", contents[1], 0o644),
	} {
		if !errors.Is(err, errno) || !strings.HasSuffix(err.Error(), "not written: "+errno.Error()) {
			t.Errorf("%s: %v, want %v", name, err, errno)
		}
	}
	holds(t, dir, files)
}

func TestFullDisk(t *testing.T) {
	need.Root(t)
	t.Run("no blocks", func(t *testing.T) {
		dir := t.TempDir()
		mounted(t, "tmpfs", dir, "tmpfs", 0, "size=64k")
		must(t, Write(dir+"/x", []byte("old"), 0o644))
		refused(t, dir, unix.ENOSPC, map[string]string{"x": "old"})
	})
	t.Run("no inodes", func(t *testing.T) {
		dir := t.TempDir()
		mounted(t, "tmpfs", dir, "tmpfs", 0, "nr_inodes=2")
		must(t, os.WriteFile(dir+"/x", []byte("old"), 0o644))
		refused(t, dir, unix.ENOSPC, map[string]string{"x": "old"})
	})
}

func TestReadOnlyFileSystem(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/x", []byte("old"), 0o644))
	mounted(t, dir, dir, "", unix.MS_BIND, "")
	must(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	refused(t, dir, unix.EROFS, map[string]string{"x": "old"})
}

// A file on which something is mounted cannot be renamed over.
func TestRenameFails(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/x", []byte("old"), 0o644))
	mounted(t, dir+"/x", dir+"/x", "", unix.MS_BIND, "")
	if err := Write(dir+"/x", contents[1], 0o644); !errors.Is(err, unix.EBUSY) {
		t.Error(err)
	}
	holds(t, dir, map[string]string{"x": "old"})
}

func TestUnprivileged(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755), os.Mkdir(dir+"/roots", 0o755), os.Mkdir(dir+"/own", 0o755), os.Chown(dir+"/own", 1234, 1234),
		os.Chmod(dir, 0o755), os.WriteFile(dir+"/roots/x", []byte("old"), 0o666), os.WriteFile(dir+"/own/x", []byte("old"), 0o644))
	asUser(t, 1234, func() {
		refused(t, dir+"/roots", unix.EACCES, map[string]string{"x": "old"})
		if err := ReplaceIn(root(t, dir+"/own"), "x", []byte("new"), 0o644, &Owner{0, 0}); !errors.Is(err, unix.EPERM) {
			t.Errorf("given to root: %v", err)
		}
		holds(t, dir+"/own", map[string]string{"x": "old"})
	})
}

// asUser runs with another uid and no privileges, on this thread alone.
func asUser(t *testing.T, uid int, do func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		defer close(done)
		runtime.LockOSThread() // for ever: the thread ends with the goroutine, and the uid with it
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			done <- errno
			return
		}
		do()
	}()
	must(t, <-done)
}
