package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

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
	c.caller = caller
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
			c.warn("no answer in time while %s; what was done by then is not known", c.unanswered)
			c.exit = exitUnknown
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
		c.unanswered = "starting a process to look at " + where
		return false
	}
	ended := make(chan error, 1)
	go func() { ended <- second.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) || second.ProcessState.ExitCode() < 0 {
			c.unanswered = "a process looked at " + where
			return false
		}
		c.print(stdout.String())
		_ = c.write(c.stderr, stderr.String())
		c.exit = second.ProcessState.ExitCode()
		c.handOver = c.exit == exitHandOver
		return true
	case <-time.After(timeout):
		_ = second.Process.Kill() // takes effect when the server answers
		c.unanswered = "waiting for " + where
		return false
	}
}

// deadline is that of one question. In the second process the first keeps the time.
func (c *console) deadline() (context.Context, context.CancelFunc) {
	if c.timeout == 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), c.timeout)
}

// check is matcher.Check, unless it is known already that there is no answer.
func (c *console) check(in matcher.Instance) (matcher.Report, error) {
	if c.unanswered != "" {
		return matcher.NoAnswer(in, c.unanswered), nil
	}
	ctx, cancel := c.deadline()
	defer cancel()
	in.Registered = registeredPidfiles
	return matcher.Check(ctx, in)
}

// match is matcher.Match, likewise.
func (c *console) match(criteria matcher.Criteria) (matcher.Matched, error) {
	if c.unanswered != "" {
		return matcher.NoMatch(criteria, c.unanswered), nil
	}
	ctx, cancel := c.deadline()
	defer cancel()
	return matcher.Match(ctx, criteria, registeredPidfiles)
}

// noAnswer is the error of a command that is to answer without looking.
func (c *console) noAnswer() error {
	if c.unanswered == "" {
		return nil
	}
	return errors.New("no answer in time while " + c.unanswered)
}

// find is matcher.Find, likewise.
func (c *console) find(program string, how matcher.Finding) ([]int, error) {
	if err := c.noAnswer(); err != nil {
		return nil, err
	}
	ctx, cancel := c.deadline()
	defer cancel()
	return matcher.Find(ctx, program, how)
}

// inventory is matcher.TakeInventory, likewise.
func (c *console) inventory(s matcher.Search) (matcher.Inventory, error) {
	if err := c.noAnswer(); err != nil {
		return matcher.Inventory{}, err
	}
	ctx, cancel := c.deadline()
	defer cancel()
	return matcher.TakeInventory(ctx, s)
}
