package main

import (
	"errors"
	"os/exec"
	"syscall"
	"time"
)

// outcome is how a program ended, and the beginning of what it said.
type outcome struct {
	Hung           bool
	Exit           int // 128 and the signal, as a shell has it
	Stdout, Stderr string
}

// enough of a program's output is kept; a tool gone wild must not fill the memory.
const enough = 1 << 16

// busy is how many deadlines a program may take that is at work when the first has passed: on a slow machine, or beside
// others, that is no hang.
const busy = 6

// bounded runs a program in a session of its own. It hangs when it has done nothing in the second half of the deadline, or
// of a later one. Then all its processes are killed, and not awaited for longer than two seconds: one in state D obeys no
// signal, and ends with the namespace or with what it waits for.
func bounded(cmd *exec.Cmd, deadline time.Duration) (outcome, error) {
	var stdout, stderr beginning
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid = true
	cmd.WaitDelay = min(deadline, 5*time.Second) // for what keeps its output open
	if err := cmd.Start(); err != nil {
		return outcome{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	before := work{}
	for half := range 2 * busy {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				return outcome{}, err
			}
			return outcome{Exit: exitCode(cmd), Stdout: string(stdout), Stderr: string(stderr)}, nil
		case <-time.After(deadline / 2):
		}
		now := workOf(cmd.Process.Pid)
		if half > 0 && now == before && !now.ready {
			break
		}
		before = now
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
		return outcome{}, err
	}
	select {
	case <-ended:
	case <-time.After(2 * time.Second):
	}
	return outcome{Hung: true}, nil // its output is not ours to read before it has ended
}

func exitCode(cmd *exec.Cmd) int {
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return cmd.ProcessState.ExitCode()
}

// beginning keeps the beginning of what is written to it.
type beginning []byte

func (b *beginning) Write(p []byte) (int, error) {
	*b = append(*b, p[:min(len(p), enough-len(*b))]...)
	return len(p), nil
}
