package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/testdata/need"
	"pidproof/testdata/supervise"
	"pidproof/testdata/waiting"
)

// The scripts run the program as it is installed, against real daemons:
// testdata/demod under many names, started, replaced, moved and killed.

// programs holds pidproof, the links pidof and start-stop-daemon to it, and
// demod, built once.
var programs string

// programsEnv says where they are, in a test that runs in namespaces of its own.
const programsEnv = "PIDPROOF_TEST_PROGRAMS"

func TestMain(m *testing.M) {
	if programs = os.Getenv(programsEnv); programs != "" {
		os.Exit(inOwnNamespaces(m.Run))
	}
	os.Exit(supervise.Main(func() int { return withPrograms(m.Run) }))
}

func withPrograms(run func() int) int {
	unix.Umask(0o022) // some scripts are about modes
	dir, err := os.MkdirTemp("", "pidproof-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		programs, err = dir, build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// testscript forgets its directory when -run leaves some scripts out.
	os.Setenv("GOTMPDIR", dir)
	return run()
}

// inOwnNamespaces runs a test as their PID 1, with which all ends.
func inOwnNamespaces(run func() int) int {
	unix.Umask(0o022)
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		fmt.Fprintln(os.Stderr, "a /proc of our own:", err)
		return 1
	}
	return run()
}

func build(dir string) error {
	goBuild := exec.Command("go", "build", "-trimpath", "-ldflags", "-X main.version=v0-test", "-o", dir, ".", "../../testdata/demod")
	goBuild.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := goBuild.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", goBuild, err, out)
	}
	// Scripts also run them as another user.
	return errors.Join(os.Chmod(dir, 0o755), os.Symlink("pidproof", filepath.Join(dir, "pidof")),
		os.Symlink("pidproof", filepath.Join(dir, handover.StartStopDaemon)))
}

func TestScripts(t *testing.T) {
	runScripts(t, "testdata/script")
}

func TestRootScripts(t *testing.T) {
	need.Root(t)
	for _, name := range []string{"unshare", "nsenter", "setpriv", "mount", "chroot"} {
		need.Program(t, name)
	}
	runScripts(t, "testdata/script/root")
}

// TestQuietScripts are those that nobody else may disturb: others' files below /tmp and /run
// wake whoever waits for one there.
func TestQuietScripts(t *testing.T) {
	need.Root(t)
	runScripts(t, "testdata/script/quiet")
}

// TestTerminalScripts are those that need a terminal, which script(1) makes.
func TestTerminalScripts(t *testing.T) {
	need.Program(t, "script")
	runScripts(t, "testdata/script/terminal")
}

// TestSysvinitScripts ask the machine's own pidof the same.
func TestSysvinitScripts(t *testing.T) {
	path := need.Program(t, "pidof")
	t.Setenv("SYSVINIT_PIDOF", path)
	runScripts(t, "testdata/script/sysvinit")
}

func runScripts(t *testing.T, dir string) {
	peer := os.Getenv("SYSVINIT_PIDOF")
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", programs+":"+env.Getenv("PATH")+":/usr/sbin:/sbin")
			env.Setenv("DEMOD", filepath.Join(programs, "demod"))
			env.Setenv("PIDPROOF", filepath.Join(programs, "pidproof"))
			env.Setenv("SYSVINIT_PIDOF", peer)
			// For names outside the work directory.
			env.Setenv("TEST", "pidproof-test-"+strconv.Itoa(os.Getpid()))
			env.Values[sessionKey{}] = &session{begun: map[string]*begun{}}
			work := env.WorkDir
			env.Defer(func() { endAll(t, work) })
			return os.Chmod(filepath.Dir(work), 0o755)
		},
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("no such condition: %s", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"answers":       answers,
			"as":            as,
			"refuses":       refuses,
			"exits":         exits,
			"via":           via,
			"read":          read,
			"wait-for":      waitFor,
			"end":           end,
			"socket":        socket,
			"remove-at-end": removeAtEnd,
			"begin":         begin,
			"awaits":        awaits,
			"interrupt":     interrupt,
			"ends":          ends,
			"sleeps":        sleeps,
			"alive":         isAlive,
			"dies":          dies,
			"records":       records,
		},
	})
}

type sessionKey struct{}

// session is what the commands of one script remember.
type session struct {
	via   []string // what answers, refuses, exits and begin run their command by
	begun map[string]*begun
}

// commandLimit is how many seconds one command may take.
var commandLimit = strconv.Itoa(int(waiting.Limit.Seconds()))

// runCommand runs one command and gives its exit code. Its output is there for the
// script's next stdout and stderr lines.
func runCommand(ts *testscript.TestScript, argv ...string) int {
	limited := append([]string{"-s", "KILL", commandLimit}, ts.Value(sessionKey{}).(*session).via...)
	err := ts.Exec("timeout", append(limited, argv...)...)
	var failed *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &failed):
		ts.Fatalf("%v", err)
	case failed.ExitCode() < 0 || failed.ExitCode() == 137:
		ts.Fatalf("%v: killed, after %s s at most", argv, commandLimit)
	}
	return failed.ExitCode()
}

// pollUntil asks again until the answer is yes.
func pollUntil(what string, yes func() bool) error {
	if !waiting.Until(yes) {
		return fmt.Errorf("waited %v in vain until %s", waiting.Limit, what)
	}
	return nil
}
