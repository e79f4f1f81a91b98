package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/stop"
	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

// Kernels before 5.3, and containers whose seccomp filter forbids what it does
// not know: testdata/nopidfd makes the system calls fail.

// lacking is what a kernel or a filter denies.
var lacking = []struct{ errno, calls, heldBy string }{
	{"ENOSYS", "pidfd_open,pidfd_send_signal", "start time"},
	{"EPERM", "pidfd_open,pidfd_send_signal", "start time"},
	{"ENOSYS", "pidfd_send_signal", "pidfd"},
	{"EPERM", "pidfd_send_signal", "pidfd"},
	{"ENOSYS", "statx", "pidfd"},
	{"EPERM", "statx", "pidfd"},
	{"ENOSYS", "pidfd_open,pidfd_send_signal,statx,inotify_init1", "start time"},
}

func TestLackingSystemCalls(t *testing.T) {
	for _, l := range lacking {
		k := kernel{l.errno, l.calls}
		t.Run(l.errno+" "+l.calls, func(t *testing.T) {
			t.Run("asked", func(t *testing.T) { k.isAsked(t, l.heldBy) })
			t.Run("stops", k.stops)
			t.Run("foreign", k.leavesForeignAlone)
		})
	}
}

// kernel is one that lacks some system calls.
type kernel struct{ errno, calls string }

func (k kernel) isAsked(t *testing.T, heldBy string) {
	d := startDemod(t)
	k.exits(t, 0, "check", "-p", d.pidfile, d.path)
	said := k.exits(t, 0, "explain", "-p", d.pidfile, d.path)
	if said = strings.Join(strings.Fields(said), " "); !strings.Contains(said, ", held by "+heldBy+" ") {
		t.Errorf("want held by %s: %s", heldBy, said)
	}
	if said := k.exits(t, 1, "doctor"); strings.Contains(k.calls, "pidfd") != strings.Contains(strings.Join(strings.Fields(said), " "),
		"has them, and a seccomp filter forbids them") {
		t.Errorf("without %s: %s", k.calls, said)
	}
	k.exits(t, 0, "wait", "started", "-t", "0", "-p", d.pidfile, d.path)
	k.exits(t, 1, "wait", "stopped", "-t", "0", "-p", d.pidfile, d.path)
	k.exits(t, 0, "start-stop-daemon", "--status", "--pidfile", d.pidfile, "--exec", d.path)
}

// stops: nobody collects the daemons before they are said to have ended. They
// end by TERM.
func (k kernel) stops(t *testing.T) {
	for _, stop := range [][]string{
		{"killproc", "-p", "PIDFILE", "DAEMON"},
		{"start-stop-daemon", "--stop", "--retry", "5", "--remove-pidfile", "--pidfile", "PIDFILE", "--exec", "DAEMON"},
	} {
		d := startDemod(t)
		waits := k.start(t, "wait", "stopped", "-t", "600", "-p", d.pidfile, d.path)
		k.exits(t, 0, d.in(stop)...) // not 0 for one that seems to live on as a zombie
		waits.exits(t, 0)
		if err := waitOrKill(d.Cmd); err != nil {
			t.Errorf("%v: the daemon: %v; want it to end by itself", stop, err)
		}
		if _, err := os.Stat(d.pidfile); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: the pidfile: %v, want it removed", stop, err)
		}
		k.exits(t, 0, "wait", "stopped", "-t", "0", "-p", d.pidfile, d.path)
		k.exits(t, 3, "killproc", "-p", d.pidfile, d.path, "HUP")
	}
}

func (k kernel) leavesForeignAlone(t *testing.T) {
	d, foreign := startDemod(t), exec.Command(need.Program(t, "sleep"), "1000")
	startForTest(t, foreign)
	pidfile := filepath.Join(t.TempDir(), "x.pid")
	if err := os.WriteFile(pidfile, fmt.Appendln(nil, foreign.Process.Pid), 0o644); err != nil {
		t.Fatal(err)
	}
	if said := k.exits(t, 0, "killproc", "-p", pidfile, d.path); !strings.Contains(said, strconv.Itoa(foreign.Process.Pid)) {
		t.Errorf("the foreign process is not named: %q", said)
	}
	k.exits(t, 3, "killproc", "-p", pidfile, d.path, "HUP")
	k.exits(t, 1, "start-stop-daemon", "--stop", "--retry", "5", "--pidfile", pidfile, "--exec", d.path)
	alive(t, foreign)
	alive(t, d.Cmd)
}

// A daemon that ignores TERM, on all those kernels at the same time.
func TestStubbornOnLackingKernels(t *testing.T) {
	t.Parallel()
	var killprocs []*running
	var daemons []demod
	begun := time.Now()
	for _, l := range lacking {
		d := startDemod(t, "-ignore-term")
		daemons = append(daemons, d)
		killprocs = append(killprocs, kernel{l.errno, l.calls}.start(t, "killproc", "-p", d.pidfile, d.path))
	}
	for i, d := range daemons {
		killprocs[i].exits(t, 0)
		var how *exec.ExitError
		if err := waitOrKill(d.Cmd); !errors.As(err, &how) || how.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("%v: the daemon: %v, want KILL", lacking[i], err)
		}
		if took := time.Since(begun); took < stop.Patience {
			t.Errorf("%v: KILL after %v, want %v", lacking[i], took, stop.Patience)
		}
		if _, err := os.Stat(d.pidfile); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: the pidfile: %v, want it removed", lacking[i], err)
		}
	}
}

// Without CAP_KILL root may not signal another user's daemon. A filter's EPERM
// and the kernel's are told apart, and both end in 4.
func TestNotPermittedWithoutPidfds(t *testing.T) {
	need.Root(t)
	setpriv := need.Program(t, "setpriv")
	for _, l := range lacking {
		d := startDemod(t, "-uid", "65534")
		for _, signal := range []string{"", "TERM", "HUP"} {
			run := kernel{l.errno, l.calls}.command(t, "killproc", "-p", d.pidfile, d.path, signal)
			run.Args = append([]string{setpriv, "--bounding-set=-kill"}, run.Args...)
			run.Path = setpriv
			startForTest(t, run.Cmd)
			if said := run.exits(t, exitcode.Unknown); !strings.Contains(said, "not permitted") {
				t.Errorf("%+v: %s", l, said)
			}
		}
		alive(t, d.Cmd)
	}
}

// The user may have no inotify instances left (EMFILE), and a filter forbids more.
func TestWaitWithoutInotify(t *testing.T) {
	for _, errno := range []string{"EMFILE", "ENOSYS"} {
		k := kernel{errno, "inotify_init1"}
		dir := filepath.Join(t.TempDir(), "not", "yet")
		pidfile, demod := filepath.Join(dir, "x.pid"), filepath.Join(programs, "demod")
		waits := k.start(t, "wait", "started", "-t", "600", "-p", pidfile, demod)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		d := startDemod(t, "-pidfile", pidfile)
		waits.exits(t, 0)
		waits = k.start(t, "wait", "stopped", "-t", "600", "-p", pidfile, demod)
		if err := d.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		waits.exits(t, 0)
	}
}

// nopidfd is the path of testdata/nopidfd, built once.
func nopidfd(t *testing.T) string {
	t.Helper()
	path, err := builtNopidfd()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var builtNopidfd = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programs, "nopidfd")
	build := exec.Command("go", "build", "-trimpath", "-o", path, "../../testdata/nopidfd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", build, err, out)
	}
	return path, nil
})

// running is a command, and what it says.
type running struct {
	*exec.Cmd
	said strings.Builder
}

// command runs pidproof on such a kernel.
func (k kernel) command(t *testing.T, args ...string) *running {
	t.Helper()
	under := []string{"-errno", k.errno, "-calls", k.calls, "--", filepath.Join(programs, "pidproof")}
	run := &running{Cmd: exec.Command(nopidfd(t), append(under, args...)...)}
	run.Stdout, run.Stderr = &run.said, &run.said
	return run
}

// start returns when the command waits for something.
func (k kernel) start(t *testing.T, args ...string) *running {
	t.Helper()
	run := k.command(t, args...)
	startForTest(t, run.Cmd)
	waiter := victim{run.Process.Pid}
	if err := pollUntil("the command waits", func() bool { return waiter.everyThread("State:\tS ") }); err != nil {
		t.Fatal(err)
	}
	return run
}

// exits waits for the command.
func (r *running) exits(t *testing.T, want int) string {
	t.Helper()
	var failed *exec.ExitError
	if err := waitOrKill(r.Cmd); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if got := r.ProcessState.ExitCode(); got != want {
		t.Errorf("%v: exit %d, want %d: %s", r.Args, got, want, r.said.String())
	}
	return r.said.String()
}

func (k kernel) exits(t *testing.T, want int, args ...string) string {
	t.Helper()
	run := k.command(t, args...)
	startForTest(t, run.Cmd)
	return run.exits(t, want)
}

// startForTest starts what ends with the test at the latest.
func startForTest(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
}

// waitOrKill waits for what should end soon, or has ended.
func waitOrKill(cmd *exec.Cmd) error {
	limit := time.AfterFunc(waiting.Limit, func() { _ = cmd.Process.Kill() })
	defer limit.Stop()
	return cmd.Wait()
}

func alive(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	// Its parent, which we are, has not collected it: the number still is its own.
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if err != nil || strings.Contains(string(stat), ") Z ") {
		t.Errorf("%v has ended: %s, %v", cmd.Args, stat, err)
	}
}

// demod is a real daemon in the foreground.
type demod struct {
	*exec.Cmd
	path, pidfile string
}

func startDemod(t *testing.T, args ...string) demod {
	t.Helper()
	d := demod{path: filepath.Join(programs, "demod"), pidfile: filepath.Join(t.TempDir(), "x.pid")}
	if len(args) == 2 && args[0] == "-pidfile" {
		d.pidfile = args[1]
	}
	d.Cmd = exec.Command(d.path, append([]string{"-pidfile", d.pidfile}, args...)...)
	startForTest(t, d.Cmd)
	if err := named(d.pidfile, d.Process.Pid); err != nil {
		t.Fatal(err)
	}
	return d
}

// in puts the daemon's paths into a command.
func (d demod) in(args []string) []string {
	fill := strings.NewReplacer("PIDFILE", d.pidfile, "DAEMON", d.path)
	var out []string
	for _, arg := range args {
		out = append(out, fill.Replace(arg))
	}
	return out
}
