package shellvars

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string, mode fs.FileMode) string {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o600), os.Chmod(path, mode))
	return path
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir+"/x", "A=1\n", 0o644)
	must(t, os.Symlink("x", dir+"/link"))
	full := write(t, dir+"/full", "A=1\n#"+strings.Repeat("x", Limit-5), 0o600)
	for _, path := range []string{path, dir + "/link", full} {
		if vars, err := Read(path); err != nil || vars["A"] != (Var{"1", 1}) {
			t.Errorf("%s: %v, %v", path, vars, err)
		}
	}
}

func TestReadNamesTheLine(t *testing.T) {
	path := write(t, t.TempDir()+"/x", "\nA=$B\n", 0o644)
	_, err := Read(path)
	wrong := (*Error)(nil)
	if !errors.As(err, &wrong) || wrong.Path != path || !strings.HasPrefix(err.Error(), path+":2: an unquoted $") {
		t.Error(err)
	}
}

// What is there and cannot be read is never taken for absent.
func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, unix.Mkfifo(at("fifo"), 0o644), os.Mkdir(at("directory"), 0o755), os.Symlink("fifo", at("link")),
		os.Symlink("nowhere", at("dangling")), os.Symlink("loop", at("loop")))
	socket, err := net.Listen("unix", at("socket"))
	must(t, err)
	defer socket.Close()
	write(t, at("large"), "A=1\n#"+strings.Repeat("x", Limit-4), 0o644)
	write(t, at("group"), "A=1\n", 0o664)
	write(t, at("all"), "A=1\n", 0o646)
	write(t, at("plain"), "A=1\n", 0o644)
	for path, why := range map[string]string{
		at("fifo"): "no regular file", at("directory"): "no regular file", at("link"): "no regular file",
		"/dev/null": "no regular file", "/dev/tty": "/dev/tty", // without a terminal it cannot be opened
		at("socket"):   "no such device or address",
		at("dangling"): "symbolic link to nowhere", at("loop"): "too many levels",
		at("plain/x"): "not a directory", at("large"): "larger than 64 KiB",
		at("group"): "(mode 0664): chmod go-w", at("all"): "written by everyone (mode 0646)",
	} {
		if vars, err := Read(path); err == nil || errors.Is(err, fs.ErrNotExist) || vars != nil ||
			!strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v; want %s", path, vars, err, why)
		}
	}
	if _, err := Read(at("absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}

// asUser runs with another effective uid and no privileges, on this thread alone.
func asUser(t *testing.T, uid int, do func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		defer close(done)
		// Never unlocked: the thread ends with the goroutine, and the uid with it.
		runtime.LockOSThread()
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			done <- errno
			return
		}
		do()
	}()
	must(t, <-done)
}

func TestReadTrustsRootAndTheAsker(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755))
	roots := write(t, dir+"/roots", "A=1\n", 0o644)
	hidden := write(t, dir+"/hidden", "A=1\n", 0o600)
	users := write(t, dir+"/users", "A=1\n", 0o644)
	must(t, os.Chown(users, 1234, 1234))
	if _, err := Read(users); err == nil || !strings.Contains(err.Error(), "uid 1234's, who could write anything: chown root "+users) {
		t.Errorf("root reads a user's file: %v", err)
	}
	asUser(t, 1234, func() {
		for _, path := range []string{roots, users} {
			if _, err := Read(path); err != nil {
				t.Error(err)
			}
		}
		if _, err := Read(hidden); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("unreadable: %v", err)
		}
	})
	asUser(t, 1235, func() {
		if _, err := Read(users); err == nil || !strings.Contains(err.Error(), "uid 1234's") {
			t.Errorf("a user reads another's file: %v", err)
		}
	})
}
