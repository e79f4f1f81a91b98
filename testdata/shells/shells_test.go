// Package shells tests the installed hook as an init script uses it, under each
// program that is /bin/sh somewhere.
package shells

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pidproof/testdata/need"
)

// Debian's functions, which source the hook after their own definitions.
const debian = "/lib/lsb/init-functions"

// Each runs under the name sh, which makes it as POSIX as it can be: bash as with --posix.
var shells = []string{"dash", "busybox", "bash", "mksh", "yash"}

// cases run with set -eu. Their variables are those of newHost.
var cases = []struct {
	name, script string
	out          string
	code         int
}{
	{"running", `pidofproc -p "$old_pidfile" "$daemon"`, "$old", 0},
	{"dead", `pidofproc -p "$stale" "$idle"`, "", 1},
	{"not running", `pidofproc -p "$absent" "$idle"`, "", 3},
	{"unknown", `pidofproc -p "$folder" "$idle"`, "", 4},
	{"no pidfile given", `pidofproc "$daemon" | tr ' ' '\n' | sort -n`, "$both", 0},
	{"set -e", `pidofproc -p "$absent" "$idle"; echo not reached`, "", 3},
	{"if", `if pidofproc -p "$old_pidfile" "$daemon" >/dev/null; then echo yes; fi`, "yes", 0},
	{"if not", `if pidofproc -p "$absent" "$idle"; then echo yes; else echo "no $?"; fi`, "no 3", 0},
	{"substitution", `pid=$(pidofproc -p "$old_pidfile" "$daemon"); echo "<$pid>"`, "<$old>", 0},
	{"substitution fails", `pid=$(pidofproc -p "$stale" "$idle") || echo "$? <$pid>"`, "1 <>", 0},

	{"status running", `status_of_proc -p "$old_pidfile" "$daemon" "the web"`, "the web is running (PID $old)", 0},
	{"status dead", `status_of_proc -p "$stale" "$idle" >/dev/null`, "", 1},
	{"status not running", `status_of_proc -p "$absent" "$idle" >/dev/null`, "", 3},
	{"status unknown", `status_of_proc -p "$folder" "$idle" >/dev/null`, "", 4},
	{"status || exit", `status_of_proc -p "$absent" "$idle" >/dev/null && exit 0 || exit $?`, "", 3},

	// Debian #868861: this line of apache2's script lost the old process.
	{"pidof | grep -w", `pidof "$daemon" | tr ' ' '\n' | grep -w "$(cat "$old_pidfile")"`, "$old", 0},
	{"pidof omits", `pidof -o "$old" "$daemon"`, "$new", 0},
	{"pidof finds none", `if pidof "$idle"; then echo yes; else echo "no $?"; fi`, "no 1", 0},
	{"pidof -x", `pidof -x "$script"`, "$scripted", 0},
	{"pidof finds its caller", `pidof -x "$0" >/dev/null`, "", 0},
	{"pidof %PPID", `pidof -o %PPID -x "$0"`, "", 1},
	// A function makes dash, busybox and mksh fork once more, so that the parent
	// of pidproof is a copy of the calling script.
	{"pidof %PPID in a substitution", `found=$(pidof -o %PPID -x "$0") || echo "$? <$found>"`, "1 <>", 0},
}

func TestHook(t *testing.T) {
	h := newHost(t)
	for _, shell := range shells {
		for _, functions := range []string{"", debian} {
			t.Run(shell+" after "+cmp.Or(functions, "nothing"), func(t *testing.T) {
				sh := need.Program(t, shell)
				if functions != "" {
					need.File(t, functions)
				}
				for _, c := range cases {
					t.Run(c.name, func(t *testing.T) {
						h.expect(t, sh, functions, c.script, c.out, c.code)
					})
				}
			})
		}
	}
}

// Without the binary, nothing is defined and Debian's functions stay: theirs
// believes in any process that has the number.
func TestHookWithoutBinary(t *testing.T) {
	h := newHost(t)
	if err := os.Remove(h.pidproof); err != nil {
		t.Fatal(err)
	}
	for _, shell := range shells {
		t.Run(shell, func(t *testing.T) {
			sh := need.Program(t, shell)
			h.expect(t, sh, "", `for f in pidofproc status_of_proc; do command -v "$f" || echo "no $f"; done`,
				"no pidofproc\nno status_of_proc", 0)
			h.expect(t, sh, "", `case $(type pidof 2>&1) in *function*) echo "a function" ;; esac`, "", 0)
			need.File(t, debian)
			h.expect(t, sh, debian, `pidofproc -p "$old_pidfile" "$idle"`, "$old", 0)
		})
	}
}

func TestInstallUninstall(t *testing.T) {
	dest := t.TempDir()
	target(t, "install", "DESTDIR="+dest)
	want := []string{
		"/lib/lsb/init-functions.d/60-pidproof",
		"/usr/local/sbin/pidproof",
		"/usr/local/share/doc/pidproof/LICENSE",
		"/usr/local/share/doc/pidproof/explain-json.md",
		"/usr/local/share/doc/pidproof/third-party-notices.txt",
		"/usr/local/share/man/man8/pidproof.8",
	}
	if got := files(t, dest); !slices.Equal(got, want) {
		t.Errorf("installed %q, want %q", got, want)
	}
	target(t, "uninstall", "DESTDIR="+dest)
	if got := files(t, dest); len(got) > 0 {
		t.Errorf("left behind %q", got)
	}
}

// host is an installed pidproof and what runs for the scripts to ask about.
type host struct {
	pidproof, hook string
	env            map[string]string
}

// newHost starts a daemon, replaces its file and starts a second instance, and
// makes pidfiles of every kind. All paths hold a blank.
func newHost(t *testing.T) *host {
	t.Helper()
	prefix := t.TempDir()
	h := &host{pidproof: prefix + "/sbin/pidproof", hook: prefix + "/lsb/60-pidproof"}
	target(t, "install", "DESTDIR=", "PREFIX="+prefix, "HOOKDIR="+prefix+"/lsb")

	dir := filepath.Join(t.TempDir(), "of a host")
	path := func(name string) string { return filepath.Join(dir, name) }
	h.env = map[string]string{
		"daemon": path("web d"), "idle": path("idle d"), "script": path("script d"),
		"old_pidfile": path("old.pid"), "new_pidfile": path("new.pid"),
		"stale": path("stale.pid"), "absent": path("absent.pid"), "folder": path("folder.pid"),
	}
	must(t, os.MkdirAll(path("folder.pid"), 0o755))

	build := exec.Command("go", "build", "-buildvcs=false", "-o", path("web d"), "../demod")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output(t, build)
	program, err := os.ReadFile(path("web d"))
	must(t, err)
	must(t, os.WriteFile(path("idle d"), program, 0o755))
	must(t, os.WriteFile(path("web d.new"), program, 0o755))

	before := startDaemon(t, path("web d"), path("old.pid"))
	must(t, os.Rename(path("web d.new"), path("web d")))
	after := startDaemon(t, path("web d"), path("new.pid"))
	h.env["old"], h.env["new"] = strconv.Itoa(before), strconv.Itoa(after)
	h.env["both"] = fmt.Sprintf("%d\n%d", min(before, after), max(before, after))

	ended := exec.Command("true")
	output(t, ended)
	must(t, os.WriteFile(path("stale.pid"), fmt.Appendln(nil, ended.Process.Pid), 0o644))

	must(t, os.WriteFile(path("script d"), []byte("#!/bin/sh\nread -r _\n"), 0o755))
	script := exec.Command(path("script d"))
	stdin, err := script.StdinPipe()
	must(t, err)
	must(t, script.Start())
	t.Cleanup(func() {
		stdin.Close() // the script reads its end
		_ = script.Wait()
	})
	h.env["scripted"] = strconv.Itoa(script.Process.Pid)
	return h
}

// expect runs a script that has sourced the functions and the hook.
func (h *host) expect(t *testing.T, shell, functions, script, out string, code int) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Symlink(shell, dir+"/sh"))
	must(t, os.WriteFile(dir+"/script", fmt.Appendf(nil, `#!%s/sh
set -eu
[ -z "$functions" ] || . "$functions"
. "$installed_hook" # Debian's functions use the name hook
%s
`, dir, script), 0o755))

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, dir+"/script")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(os.Environ(), "functions="+functions, "installed_hook="+h.hook)
	for name, value := range h.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	want := os.Expand(out, func(name string) string { return h.env[name] })
	if got := strings.TrimSuffix(stdout.String(), "\n"); got != want || cmd.ProcessState.ExitCode() != code {
		t.Errorf("%s\nprinted %q, exit %d; want %q, exit %d\nstderr: %s",
			script, got, cmd.ProcessState.ExitCode(), want, code, &stderr)
	}
}

func startDaemon(t *testing.T, path, pidfile string) (pid int) {
	t.Helper()
	output(t, exec.Command(path, "-daemonize", "-pidfile", pidfile))
	content, err := os.ReadFile(pidfile)
	must(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(content)))
	must(t, err)
	t.Cleanup(func() { _ = syscall.Kill(n, syscall.SIGKILL) })
	return n
}

// target runs make without what the make that runs this test tells its children.
func target(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("make", append([]string{"-s", "-C", "../.."}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") })
	output(t, cmd)
}

func files(t *testing.T, root string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, strings.TrimPrefix(path, root))
		}
		return err
	}))
	return names
}

func output(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
