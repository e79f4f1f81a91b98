package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/matcher"
)

// isolatedEnv marks the process that asks in the caller's stead, and tells it
// who the caller is.
const isolatedEnv = "PIDPROOF_CALLER"

// exitHandOver is how that process says that the first is to become another
// program: its own standard output is a pipe.
const exitHandOver = 255

// forever is longer than anybody waits.
const forever = 100 * 365 * 24 * time.Hour

// isolated reports that we are that process: the variable alone could come
// from anywhere, so our parent must be this very program.
func (c *console) isolated() bool {
	caller, err := strconv.Atoi(os.Getenv(isolatedEnv))
	if err != nil {
		return false
	}
	ours, err1 := os.Stat("/proc/self/exe")
	parents, err2 := os.Stat(fmt.Sprintf("/proc/%d/exe", os.Getppid()))
	if err1 != nil || err2 != nil || !os.SameFile(ours, parents) {
		return false
	}
	c.Caller = caller
	return true
}

// asker is a command that says which paths it will touch.
type asker interface{ touches() []string }

func (a instanceArgs) touches() []string { return []string{a.Daemon, a.pidfile()} }
func (cmd pidofCmd) touches() []string   { return cmd.Programs }

// isolate runs the command in a second process when one of its paths leads
// through a file system whose server may not answer: a thread that waits for a
// FUSE server cannot be killed, not even by our own exit, and the init script
// would wait for us for ever. It returns true when it did, and c holds the
// answer. When that process did not answer in time it is left behind, and the
// command is to answer without looking.
func (c *console) isolate(cmd any, args []string, timeout time.Duration) bool {
	a, touchesPaths := cmd.(asker)
	if !touchesPaths || c.isolated() {
		return false
	}
	where, mayHang := matcher.MayHang(a.touches()...)
	if !mayHang {
		return false
	}
	if long, isLong := cmd.(interface{ lasts() time.Duration }); isLong {
		// Whether the server answers is seen sooner than whether a process ends.
		if !c.second(append([]string{"pidof", "-q"}, a.touches()...), where, timeout) {
			return false
		}
		if !c.second(args, where, min(timeout+long.lasts(), forever)) {
			c.Warn("no answer in time while %s; what was done by then is not known", c.Unanswered)
			c.exit = exitcode.Unknown
		}
		return true
	}
	return c.second(args, where, timeout)
}

// second runs a second process for that long, and takes over what it said.
func (c *console) second(args []string, where string, timeout time.Duration) (answered bool) {
	var stdout, stderr bytes.Buffer
	second := exec.Command("/proc/self/exe", args...)
	second.Args[0] = "pidproof"
	second.Env = append(os.Environ(), fmt.Sprintf("%s=%d", isolatedEnv, os.Getppid()))
	second.Stdout, second.Stderr = &stdout, &stderr
	// When we are ended its signals end, too. The thread that forks must live on, prctl(2).
	runtime.LockOSThread()
	second.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := second.Start(); err != nil {
		c.Unanswered = "starting a process to look at " + where
		return false
	}
	ended := make(chan error, 1)
	go func() { ended <- second.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) || second.ProcessState.ExitCode() < 0 {
			c.Unanswered = "a process looked at " + where
			return false
		}
		c.Print(stdout.String())
		c.Complain(stderr.String())
		c.exit = second.ProcessState.ExitCode()
		c.handOver = c.exit == exitHandOver
		return true
	case <-time.After(timeout):
		_ = second.Process.Kill() // takes effect when the server answers
		c.Unanswered = "waiting for " + where
		return false
	}
}
