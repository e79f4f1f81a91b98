package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"time"

	"pidproof/matcher"
)

// isolatedEnv marks the process that asks in the caller's stead.
const isolatedEnv = "PIDPROOF_ISOLATED"

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
	if !touchesPaths || os.Getenv(isolatedEnv) != "" {
		return false
	}
	where, mayHang := matcher.MayHang(a.touches()...)
	if !mayHang {
		return false
	}
	var stdout, stderr bytes.Buffer
	second := exec.Command("/proc/self/exe", args...)
	second.Args[0] = "pidproof"
	second.Env = append(os.Environ(), isolatedEnv+"=1")
	second.Stdout, second.Stderr = &stdout, &stderr
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
		_, _ = c.stdout.Write(stdout.Bytes())
		_, _ = c.stderr.Write(stderr.Bytes())
		c.exit = second.ProcessState.ExitCode()
		return true
	case <-time.After(timeout):
		_ = second.Process.Kill() // takes effect when the server answers
		c.unanswered = "waiting for " + where
		return false
	}
}

// check is matcher.Check, unless it is known already that there is no answer.
func (c *console) check(in matcher.Instance) (matcher.Report, error) {
	if c.unanswered != "" {
		return matcher.NoAnswer(in, c.unanswered), nil
	}
	return matcher.Check(c.ctx, in)
}

// find is matcher.Find, likewise.
func (c *console) find(program string, how matcher.Finding) ([]int, error) {
	if c.unanswered != "" {
		return nil, errors.New("no answer in time while " + c.unanswered)
	}
	return matcher.Find(c.ctx, program, how)
}
