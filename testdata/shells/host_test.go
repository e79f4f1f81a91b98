package shells

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"pidproof/testdata/waiting"
)

// host is an installed pidproof, and the variables of the scripts that use it.
type host struct {
	pidproof, hook, functions string
	dir                       string
	env                       map[string]string
}

// newHost installs pidproof and gives a daemon that does not run. The daemon's
// and the pidfiles' paths hold a blank.
func newHost(t *testing.T) *host {
	t.Helper()
	prefix := t.TempDir()
	target(t, "install", "DESTDIR=", "PREFIX="+prefix, "HOOKDIR="+prefix+"/lsb")
	h := host{
		pidproof:  prefix + "/sbin/pidproof",
		hook:      prefix + "/lsb/60-pidproof",
		functions: prefix + "/share/pidproof/init-functions",
	}
	return h.newDir(t)
}

// newDir gives the same pidproof with a directory and a daemon of its own.
func (h *host) newDir(t *testing.T) *host {
	t.Helper()
	own := *h
	own.dir = filepath.Join(t.TempDir(), "of a host")
	own.env = map[string]string{}
	for name, file := range map[string]string{
		"daemon": "web d", "long": "web server of more than 15 characters", "idle": "idle d", "script": "script d",
		"pidfile": "web.pid", "other_pidfile": "other.pid", "copied_pidfile": "copy.pid",
		"stale": "stale.pid", "absent": "absent.pid", "folder": "folder.pid",
	} {
		own.env[name] = filepath.Join(own.dir, file)
	}
	must(t, os.MkdirAll(own.env["folder"], 0o755))

	ended := exec.Command("true")
	output(t, ended)
	must(t, os.WriteFile(own.env["stale"], fmt.Appendln(nil, ended.Process.Pid), 0o644))
	return &own
}

// run runs a script that has read the files.
func (h *host) run(t *testing.T, shell string, files []string, script string) (stdout, stderr string, code int) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Symlink(shell, dir+"/sh"))
	var read strings.Builder
	for _, file := range files {
		fmt.Fprintf(&read, ". %s\n", file)
	}
	writeProgram(t, dir+"/script", fmt.Appendf(nil, "#!%s/sh\nset -eu\n%s%s\n", dir, &read, script))

	ctx, cancel := context.WithTimeout(context.Background(), waiting.Limit)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, dir+"/script")
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = waiting.Limit // for a daemon that keeps them open
	cmd.Env = os.Environ()
	for name, value := range h.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if slices.Contains(files, debian) {
		cmd.Env = append(cmd.Env, "ECHO_STYLE=DASH") // they use echo -n, which yash's echo does not know otherwise
	}
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s\n%v\nstderr: %s", script, err, &errs)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// expect runs a script. The variables in out are the script's; its last newline does not count.
func (h *host) expect(t *testing.T, shell string, files []string, script, out string, code int) {
	t.Helper()
	stdout, stderr, got := h.run(t, shell, files, script)
	want := os.Expand(out, func(name string) string { return h.env[name] })
	if stdout = strings.TrimSuffix(stdout, "\n"); stdout != want || got != code {
		t.Errorf("%s\nprinted %q, exit %d; want %q, exit %d\nstderr: %s", script, stdout, got, want, code, stderr)
	}
}

// buildDaemon makes $daemon.
func (h *host) buildDaemon(t *testing.T) {
	t.Helper()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", h.env["daemon"], "../demod")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output(t, build)
}

// startInstances starts a daemon, replaces its file and starts a second instance;
// and a script. There is another daemon, which does not run.
func (h *host) startInstances(t *testing.T) {
	t.Helper()
	h.buildDaemon(t)
	daemon := h.env["daemon"]
	program, err := os.ReadFile(daemon)
	must(t, err)
	writeProgram(t, h.env["idle"], program)
	writeProgram(t, daemon+".new", program)

	maps.Copy(h.env, map[string]string{"old_pidfile": h.dir + "/old.pid", "new_pidfile": h.dir + "/new.pid"})
	before := startDaemon(t, daemon, h.env["old_pidfile"])
	must(t, os.Rename(daemon+".new", daemon))
	after := startDaemon(t, daemon, h.env["new_pidfile"])
	h.env["old"], h.env["new"] = strconv.Itoa(before), strconv.Itoa(after)
	h.env["both"] = fmt.Sprintf("%d\n%d", min(before, after), max(before, after))

	writeProgram(t, h.env["script"], []byte("#!/bin/sh\nread -r _\n"))
	script := exec.Command(h.env["script"])
	stdin, err := script.StdinPipe()
	must(t, err)
	must(t, script.Start())
	t.Cleanup(func() {
		stdin.Close() // the script reads its end
		_ = script.Wait()
	})
	h.env["scripted"] = strconv.Itoa(script.Process.Pid)
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

// writeProgram lets no other test fork meanwhile: the child would have the file
// open for writing, and nobody could execute it ("text file busy", golang.org/issue/22315).
func writeProgram(t *testing.T, path string, content []byte) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	must(t, os.WriteFile(path, content, 0o755))
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
