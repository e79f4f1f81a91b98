// Package supervise runs a test binary under a process that outlives it, so
// that nothing the tests start or mount is left behind, whatever ends them:
// Ctrl-C, a time-out, a panic.
package supervise

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/waiting"
)

const supervised = "PIDPROOF_SUPERVISED"

// Again, in its environment, gives a test binary that a test runs a supervisor of its own.
const Again = supervised + "="

// Main runs tests in a child, and gives the exit code to end with. As root the
// child has a mount namespace of its own; its mounts, and what it left in /run,
// end with it. Sweeps run when it has ended, before whoever it left is ended.
func Main(tests func() int, sweeps ...func()) int {
	if os.Getenv(supervised) != "" {
		if err := ownRun(); err != nil {
			fmt.Fprintln(os.Stderr, "supervise: an own /run:", err)
			return 1
		}
		return tests()
	}
	code, err := superviseTests(sweeps)
	if err != nil {
		fmt.Fprintln(os.Stderr, "supervise:", err)
		return 1
	}
	return code
}

// ownRun gives root's tests an empty /run: pidfiles of the machine would be
// other instances', and theirs must not stay.
func ownRun() error {
	if os.Geteuid() != 0 {
		return nil
	}
	return unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=0755")
}

func superviseTests(sweeps []func()) (int, error) {
	// Daemons that tests start become our children when their parents end.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "pidproof-tests-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // some tests ask as another user
		return 0, err
	}
	// The signal goes to the tests as well; we stay to clean up.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	runtime.LockOSThread() // Pdeathsig is about the thread that forks (prctl(2))
	child := exec.Command("/proc/self/exe", os.Args[1:]...)
	child.Args[0] = os.Args[0]
	child.Env = append(os.Environ(), supervised+"=1", "TMPDIR="+dir)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		child.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
	}
	if err := child.Start(); err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	go func() {
		_ = child.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case s := <-signals:
		_ = child.Process.Signal(s)
		select {
		case <-ended:
		case <-time.After(2 * time.Second):
			_ = child.Process.Kill()
			<-ended
		}
	}
	for _, sweep := range sweeps {
		sweep()
	}
	endChildren()
	if code := child.ProcessState.ExitCode(); code >= 0 {
		return code, nil
	}
	return 1, nil // a signal
}

// endChildren kills whatever the tests left, generation by generation: the
// children of what it kills become ours.
func endChildren() {
	deadline := time.Now().Add(waiting.Limit)
	for time.Now().Before(deadline) {
		for _, pid := range children() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // ours until we wait for it
		}
		// All that have ended before the next look: there may be thousands.
		pid, err := 1, error(nil)
		for pid > 0 {
			pid, err = syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		}
		if err == syscall.ECHILD {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func children() []int {
	var pids []int
	lists, _ := filepath.Glob("/proc/self/task/*/children") // each belongs to the thread that forked or adopted it
	for _, list := range lists {
		content, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(content)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
