package restart

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/matcher"
)

// commandTick is how often a restart command is looked at, whether it was stopped.
const commandTick = time.Second / 4

// execute runs the restart command, and waits until the instance has come back with
// the daemon's file of now, and stays.
func (r *Run) execute(i instances.Instance) error {
	failure := r.run(i)
	if failure == nil && !i.Main().Ended() {
		if err := denial(i.Registration); err != nil {
			return err
		}
	}
	return r.comesBack(i, failure)
}

// run runs the restart command of an instance. It is in a process group of its
// own, so that what ends us does not leave the instance half restarted, and its input
// and a terminal are ours: it may ask, and a daemon may keep them. So there is no line of
// progress meanwhile.
func (r *Run) run(i instances.Instance) error {
	program, err := programOf(i.Registration)
	if err != nil {
		return fmt.Errorf("its restart command cannot be run: %w", err)
	}
	cmd := exec.Command(program.Path, i.Restart[1:]...)
	stdout, err := r.passes(&cmd.Stdout, r.Stdout, r.Print)
	if err != nil {
		return fmt.Errorf("its restart command cannot be run: %w", err)
	}
	defer stdout.close()
	stderr, err := r.passes(&cmd.Stderr, r.Stderr, r.Complain)
	if err != nil {
		return fmt.Errorf("its restart command cannot be run: %w", err)
	}
	defer stderr.close()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	terminal := ourTerminal()
	if terminal.ours != 0 {
		cmd.Stdin = os.Stdin
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("its restart command cannot be run: %w", handover.NotExecuted(program.Path, err))
	}
	defer terminal.takeBack()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for until := time.Now().Add(r.limit); time.Now().Before(until); {
		err, hasEnded := r.await(i, ended, earliest(until, time.Now().Add(commandTick)))
		switch {
		case hasEnded:
			r.Stopped = r.Stopped || terminal.lent && interrupted(cmd.ProcessState)
			return howItEnded(err)
		case err != nil:
			return fmt.Errorf("%w; its restart command (PID %d) goes on", err, cmd.Process.Pid)
		case hasStopped(cmd.Process.Pid) && !terminal.lend(cmd.Process.Pid):
			return errAsks // it is hung up once we have ended, setpgid(2)
		}
	}
	return fmt.Errorf("its restart command (PID %d) has not ended after %s, and goes on", cmd.Process.Pid, matcher.Span(r.limit))
}

// passes has what a command writes come to one of ours.
func (r *Run) passes(from *io.Writer, to io.Writer, print func(string)) (o *output, err error) {
	o, *from, err = outputTo(to, print)
	return o, err
}

var (
	errInterrupted = errors.New("interrupted twice")
	errAsks        = errors.New("its restart command was stopped, as one is that asks on a terminal from the background; restart it by hand")
)

// await waits for an event, and at most until then. The first signal that comes
// meanwhile is remembered, the second is an error.
func (r *Run) await(i instances.Instance, event <-chan error, until time.Time) (err error, came bool) {
	select {
	case err := <-event:
		return err, true
	case s := <-r.signals:
		if r.Stopped {
			return errInterrupted, false
		}
		r.Stopped = true
		r.Warn("%v: %s is finished first; once more, and it is left as it is", s, i.Name)
	case <-time.After(time.Until(until)):
	}
	return nil, false
}

// hasStopped reports that a child was stopped since this was last asked: by Ctrl-Z, or
// because it read from a terminal whose foreground is another's, termios(3).
func hasStopped(pid int) bool {
	var info unix.Siginfo // si_signo stays 0 where there is nothing to say, waitid(2)
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WNOHANG, nil)
	return err == nil && info.Signo != 0
}

// interrupted reports that Ctrl-C ended a command, or that it is a shell that says so.
func interrupted(ended *os.ProcessState) bool {
	if ended == nil { // it could not be waited for
		return false
	}
	status, is := ended.Sys().(syscall.WaitStatus)
	return is && (status.Signal() == syscall.SIGINT || status.ExitStatus() == 128+int(syscall.SIGINT))
}

// howItEnded says how a command failed.
func howItEnded(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &exit):
		return err
	case exit.ExitCode() < 0:
		return fmt.Errorf("the command was ended: %v", exit.ProcessState)
	}
	return fmt.Errorf("the command exited with %d", exit.ExitCode())
}

// earliest is the first of two points in time.
func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
