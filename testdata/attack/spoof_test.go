package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// spoof is a process of an ordinary user's that pretends.
type spoof struct {
	what string
	file string   // what it executes, in his directory; a copy of hostile/spoof.c
	deep int      // its directory's path is so long
	argv []string // nil: the file's path
	env  []string
}

// spoofs are all kinds of what an unprivileged process can put into /proc. Each pretends to be this daemon.
func spoofs(t *testing.T, daemon string) []spoof {
	t.Helper()
	name := filepath.Base(daemon)
	all := []spoof{
		// ln -s /bin/sleep /tmp/webd; exec -a /usr/sbin/webd /tmp/webd
		{what: "daemon's path as argv[0]", file: name, argv: []string{daemon}},
		{what: "daemon's path and (deleted) as argv[0]", file: name, argv: []string{daemon + " (deleted)"}},
		{what: "daemon's name", file: "other", argv: []string{name}, env: []string{"COMM=" + name}},
		{what: "the daemon's title", file: name, env: []string{"HOW=overwrite", "TEXT=" + name + ": master process " + daemon}},
		{what: "path as an argument", file: "other", argv: []string{"sh", daemon, "-p", pidfile}},
		{what: "as an interpreter of the daemon", file: "sh", argv: []string{"/bin/sh", daemon}},
		{what: "newlines and escapes", file: "new\nline\x1b[31m", argv: []string{daemon + "\n\x1b]0;title\x07", "PID 1 is running"}, env: []string{"COMM=a\nb\x1b[2Jc"}},
		{what: "carriage returns and tabs", file: "a\rb\tc", argv: []string{"\r\t\v"}, env: []string{"COMM=) R 1 1 1"}},
		{what: "a name like a line of stat", file: "x) S 1 (y", argv: []string{daemon}, env: []string{"COMM=" + name + ") S 1 "}},
		{what: "no UTF-8", file: "\xff\xfe\x80", argv: []string{"\xff\xfe" + daemon, "\xc3"}, env: []string{"COMM=\xff" + name}},
		{what: "control characters beyond ASCII", file: "\u009b2J\x7f", argv: []string{"\u009d0;title\u009c" + daemon}, env: []string{"COMM=\u009b" + name}},
		{what: "writing from right to left", file: "\u202ebew", argv: []string{"\u202e" + daemon + "\u2066"}, env: []string{"COMM=\u202e" + name}},
		{what: "empty argv[0]", file: name, argv: []string{""}, env: []string{"COMM=" + name}},
		{what: "no argument", file: name, argv: []string{}, env: []string{"COMM=" + name}},
		{what: "argument area of nothing", file: name, env: []string{"HOW=none", "COMM=" + name}},
		{what: "empty name", file: "other", argv: []string{daemon}, env: []string{"COMM="}},
		{what: "arguments without NUL", file: name, argv: []string{daemon, "x"}, env: []string{"HOW=overwrite", "TEXT=" + daemon + " "}},
		{what: "arguments that spill over the environment", file: name, argv: []string{"x"},
			env: []string{"HOW=overwrite", "TEXT=" + daemon, "LONG=" + strings.Repeat("x", 60_000)}},
		{what: "arguments of 128 KiB", file: name, argv: []string{daemon + "/" + strings.Repeat("y", 127<<10)}},
		{what: "65,000 arguments", file: name, argv: append([]string{daemon}, make([]string, 65_000)...)},
		{what: "name of 15 bytes", file: (name + "-456789012345678")[:15], argv: []string{daemon}},
		{what: "name of 16 bytes", file: (name + "-456789012345678")[:16], argv: []string{daemon}},
		{what: "name of 17 bytes", file: (name + "-4567890123456789")[:17], argv: []string{daemon}},
		{what: "a longer name", file: name + "d", argv: []string{daemon + "d"}},
		{what: "(deleted) in the name", file: name + " (deleted)", argv: []string{daemon}},
		{what: "(deleted) twice", file: name + " (deleted) (deleted)", argv: []string{daemon}},
		{what: "the daemon's whole path below", file: "root" + daemon, argv: []string{daemon}},
	}
	for _, suffix := range []string{".dpkg-tmp", ".dpkg-new", ";12345678", "-RPMDELETE", ".apk.0123456789abcdef", ".#prelink#.abcdef"} {
		all = append(all, spoof{what: "suffix " + suffix, file: name + suffix, argv: []string{daemon}})
	}
	for _, size := range []int{4_000, 5_000} {
		all = append(all, spoof{what: fmt.Sprintf("a path of %d bytes", size), file: name, deep: size, argv: []string{daemon}})
	}
	return all
}

// deepen makes directories in each other until their path is so long.
func deepen(t *testing.T, path string, size int) (dir int) {
	t.Helper()
	dir, err := unix.Open(path, unix.O_DIRECTORY|unix.O_RDONLY, 0)
	must(t, err)
	for made := len(path); made < size; {
		name := strings.Repeat("d", min(255, max(1, size-made-1)))
		if err := unix.Mkdirat(dir, name, 0o755); err != nil && err != unix.EEXIST {
			t.Fatal(err)
		}
		next, err := unix.Openat(dir, name, unix.O_DIRECTORY|unix.O_RDONLY, 0)
		must(t, err)
		_ = unix.Close(dir)
		dir, made = next, made+1+len(name)
	}
	return dir
}

// start returns when it pretends. Its program has a directory of its own.
func (s spoof) start(t *testing.T) process {
	t.Helper()
	command := &exec.Cmd{Args: s.argv, Env: s.env, SysProcAttr: as(nobody)}
	home, err := os.MkdirTemp(users, "")
	must(t, err)
	must(t, os.Chmod(home, 0o755))
	if s.deep != 0 {
		dir := os.NewFile(uintptr(deepen(t, home, s.deep)), "deep")
		t.Cleanup(func() { dir.Close() })
		command.ExtraFiles = []*os.File{dir}
		command.Path = "/proc/self/fd/3/" + s.file
		program := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), s.file)
		copyFile(t, "/srv/bin/spoof", program)
		must(t, os.Chown(program, nobody, nobody))
	} else {
		command.Path = filepath.Join(home, s.file)
		must(t, os.MkdirAll(filepath.Dir(command.Path), 0o755))
		copyFile(t, "/srv/bin/spoof", command.Path)
	}
	if command.Env == nil {
		command.Env = []string{}
	}
	if command.Args == nil {
		command.Args = []string{command.Path}
	}
	return start(t, command)
}
