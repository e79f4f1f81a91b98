package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"pidproof/testdata/need"
)

// Root in a container has no CAP_SYS_PTRACE as a rule, so that it may not read
// the exe link of a daemon that runs as a user of its own (redis, memcached).
func TestRootWithoutPtrace(t *testing.T) {
	need.Root(t)
	setpriv := need.Program(t, "setpriv")
	dir := t.TempDir()
	// Every directory above must let the daemon's user through.
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run := filepath.Join(dir, "run")
	if err := errors.Join(os.Mkdir(run, 0o755), os.Chown(run, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	pidfile, demod := filepath.Join(run, "x.pid"), filepath.Join(programs, "demod")
	// Its names are others, as Node's process.title makes them.
	start := exec.Command(setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c", `exec -a other "$@"`, "bash",
		demod, "-daemonize", "-pidfile", pidfile, "-title", "other")
	if out, err := start.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	content, err := os.ReadFile(pidfile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })

	ask := exec.Command(setpriv, "--bounding-set=-sys_ptrace", filepath.Join(programs, "pidproof"), "check", "-p", pidfile, demod)
	out, err := ask.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "is the very file") {
		t.Errorf("%v: %s", err, out)
	}
	// Also where no pidfile says which one to look at.
	ask = exec.Command(setpriv, "--bounding-set=-sys_ptrace", filepath.Join(programs, "pidproof"), "pidof", demod)
	if out, err = ask.CombinedOutput(); err != nil || !slices.Contains(strings.Fields(string(out)), strconv.Itoa(pid)) {
		t.Errorf("pidof: %v: %s, want %d among them", err, out, pid)
	}
	// Another program's file is still another's. Nobody else on the machine has its name.
	another := filepath.Join(programs, "another-"+strconv.Itoa(os.Getpid()))
	if err := os.Link(filepath.Join(programs, "pidproof"), another); err != nil {
		t.Fatal(err)
	}
	ask = exec.Command(setpriv, "--bounding-set=-sys_ptrace", filepath.Join(programs, "pidproof"), "check", "-p", pidfile, another)
	out, err = ask.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("another daemon: %v, want exit 1: %s", err, out)
	}
}
