// Package isolate asks in a second process what may hang: a thread that waits for a
// file system's server cannot be killed, not even by our own exit, so another process
// waits, and is left behind when its time is over.
package isolate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/say"
)

// isolatedEnv marks the process that asks in the caller's stead, and tells it
// who the caller is.
const isolatedEnv = "PIDPROOF_CALLER"

// HandOver is how that process says that the first is to become another
// program: its own standard output is a pipe.
const HandOver = 255

// Caller reports that we are that process, and who the caller is: the variable alone
// could come from anywhere, so our parent must be this very program.
func Caller() (pid int, isolated bool) {
	caller, err := strconv.Atoi(os.Getenv(isolatedEnv))
	if err != nil {
		return 0, false
	}
	ours, err1 := os.Stat("/proc/self/exe")
	parents, err2 := os.Stat(fmt.Sprintf("/proc/%d/exe", os.Getppid()))
	if err1 != nil || err2 != nil || !os.SameFile(ours, parents) {
		return 0, false
	}
	return caller, true
}

// Run runs a second process for that long, prints what it said, and returns its exit
// code. unanswered is why there is none; "" if there is.
func Run(c *say.Console, args []string, where string, timeout time.Duration) (code int, unanswered string) {
	var stdout, stderr bytes.Buffer
	second := exec.Command("/proc/self/exe", args...)
	second.Args[0] = filepath.Join(filepath.Dir(handover.CalledAs()), "pidproof") // a real program beside it is found there, too
	second.Env = append(os.Environ(), fmt.Sprintf("%s=%d", isolatedEnv, os.Getppid()))
	second.Stdout, second.Stderr = &stdout, &stderr
	// When we are ended its signals end, too. The thread that forks must live on, prctl(2).
	runtime.LockOSThread()
	second.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := second.Start(); err != nil {
		return 0, "starting a process to look at " + where
	}
	ended := make(chan error, 1)
	go func() { ended <- second.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) || second.ProcessState.ExitCode() < 0 {
			return 0, "a process looked at " + where
		}
		c.Print(stdout.String())
		c.Complain(stderr.String())
		return second.ProcessState.ExitCode(), ""
	case <-time.After(timeout):
		_ = second.Process.Kill() // takes effect when the server answers
		return 0, "waiting for " + where
	}
}
