package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// Root in a container has no CAP_SYS_PTRACE as a rule, so that it may not read
// the exe link of a daemon that runs as a user of its own (redis, memcached).
func TestRootWithoutPtrace(t *testing.T) {
	need.Root(t)
	need.Program(t, "setpriv")
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
	// Its names are others, as Node's process.title makes them. Who hides from root beside it would be in doubt, too:
	// the hostile tests' processes, which run at the same time. So it has a PID namespace, as in a container.
	const script = `
		setpriv --reuid=65534 --regid=65534 --clear-groups bash -c 'exec -a other "$@"' bash "$2" -daemonize -pidfile "$1" -title other
		for question in "check -p $1 $2" "pidof $2" "check -p $1 $3"; do
			said=$(setpriv --bounding-set=-sys_ptrace "$0" $question 2>&1) && exit=0 || exit=$?
			echo "$exit: $said"
		done
		cat "$1"`
	pidproof, demod, another := filepath.Join(programs, "pidproof"), filepath.Join(programs, "demod"), filepath.Join(dir, "another")
	if err := os.Link(pidproof, another); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("timeout", "-s", "KILL", commandLimit, need.Program(t, "unshare"), "--pid", "--fork", "--kill-child", "--mount-proc",
		"sh", "-euc", script, pidproof, filepath.Join(run, "x.pid"), demod, another).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 4 {
		t.Fatalf("%q", lines)
	}
	if !strings.HasPrefix(lines[0], "0: ") || !strings.Contains(lines[0], "is the very file") {
		t.Errorf("check: %s", lines[0])
	}
	// Also where no pidfile says which one to look at.
	if want := "0: " + lines[3]; lines[1] != want {
		t.Errorf("pidof: %q, want %q", lines[1], want)
	}
	// Another program's file is still another's.
	if !strings.HasPrefix(lines[2], "1: ") {
		t.Errorf("another daemon: %s, want exit 1", lines[2])
	}
}
