package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

const (
	// comeback is how long after its restart command an instance may take until its
	// pidfile names it.
	comeback = 30 * time.Second
	// settleTime is how long the new main process must live. Most daemons that
	// cannot run end sooner: bad configuration, a port that is taken.
	settleTime = 2 * time.Second
	// commandTick is how often a restart command is looked at, whether it was stopped.
	commandTick = time.Second / 4
	// restartTick is how often an instance is looked at meanwhile.
	restartTick = 50 * time.Millisecond
)

// execute runs the restart command, and waits until the instance has come back with
// the daemon's file of now, and stays.
func (r *restarting) execute(o outdated) error {
	failure := r.command(o)
	if failure == nil && !o.main().Ended() {
		if err := denial(o.Registration); err != nil {
			return err
		}
	}
	return r.comesBack(o, failure)
}

// command runs the restart command of an instance. It is in a process group of its
// own, so that what ends us does not leave the instance half restarted, and its input
// and output are ours: it may ask, and a daemon may keep them. So there is no line of
// progress meanwhile.
func (r *restarting) command(o outdated) error {
	program, err := restartProgram(o.Registration)
	if err != nil {
		return fmt.Errorf("its restart command cannot be run: %w", err)
	}
	cmd := exec.Command(program.Path, o.Restart[1:]...)
	cmd.Stdout, cmd.Stderr = r.Stdout, r.Stderr
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
		err, hasEnded := await(r, o, ended, earliest(until, time.Now().Add(commandTick)))
		switch {
		case hasEnded:
			r.stopped = r.stopped || terminal.lent && interrupted(cmd.ProcessState)
			return howItEnded(err)
		case err != nil:
			return fmt.Errorf("%w; its restart command (PID %d) goes on", err, cmd.Process.Pid)
		case hasStopped(cmd.Process.Pid) && !terminal.lend(cmd.Process.Pid):
			return errAsks // it is hung up once we have ended, setpgid(2)
		}
	}
	return fmt.Errorf("its restart command (PID %d) has not ended after %s, and goes on", cmd.Process.Pid, matcher.Span(r.limit))
}

var (
	errInterrupted = errors.New("interrupted twice")
	errAsks        = errors.New("its restart command was stopped, as one is that asks on a terminal from the background; restart it by hand")
)

// await waits for an event, and at most until then. The first signal that comes
// meanwhile is remembered, the second is an error.
func await(r *restarting, o outdated, event <-chan error, until time.Time) (err error, came bool) {
	select {
	case err := <-event:
		return err, true
	case s := <-r.signals:
		if r.stopped {
			return errInterrupted, false
		}
		r.stopped = true
		r.Warn("%v: %s is finished first; once more, and it is left as it is", s, o.Name)
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

// comesBack returns nil once the pidfile has named the same process, which runs the
// daemon's file of now, for settleTime. After a failure it says how things stand.
func (r *restarting) comesBack(o outdated, failure error) error {
	progress := &say.Progress{To: r.Stderr, Begun: time.Now(), Limit: comeback}
	defer progress.Clear()
	until := progress.Begun.Add(comeback)
	for {
		now, err := r.lookAt(o.Registration)
		stands := now.standing(o.main(), err)
		if failure == nil && now.isCurrent() && !now.beside(o.main()) && r.settles(now, progress) {
			r.Say("%s: restarted: PID %d is now %d, and runs the current %s",
				o.Name, o.main().Evidence.PID, now.main().Evidence.PID, o.Daemon)
			now.report.Release()
			return nil
		}
		now.report.Release()
		if failure != nil {
			return fmt.Errorf("%w; %s", failure, stands)
		}
		if !time.Now().Before(until) {
			return fmt.Errorf("%s after its restart command: %s", matcher.Span(comeback), stands)
		}
		wake := progress.Show("waiting for " + o.Name + " to come back")
		if err, _ := await(r, o, nil, earliest(wake, time.Now().Add(restartTick))); err != nil {
			return fmt.Errorf("%w; %s", err, stands)
		}
	}
}

// settles reports that an instance stays as it is.
func (r *restarting) settles(now outdated, progress *say.Progress) bool {
	for until := time.Now().Add(settleTime); time.Now().Before(until); {
		wake := progress.Show("looking whether " + now.Name + " stays")
		if left := matcher.AwaitEnd([]*matcher.Process{now.main()}, earliest(until, wake)); len(left) == 0 {
			return false
		}
	}
	progress.Clear()
	later, err := r.lookAt(now.Registration)
	defer later.report.Release()
	return err == nil && later.isCurrent() && later.main().Evidence.PID == now.main().Evidence.PID
}

func (o outdated) isCurrent() bool {
	return o.report.Verdict == matcher.Running && o.main().Decision.File == matcher.FileCurrent
}

// beside reports that an instance runs, but the main process of before does, too.
func (o outdated) beside(before *matcher.Process) bool {
	return o.main().Evidence.PID != before.Evidence.PID && !before.Ended()
}

// standing is how an instance stands, in words.
func (o outdated) standing(before *matcher.Process, err error) string {
	switch {
	case err != nil:
		return "cannot tell: " + err.Error()
	case o.isCurrent() && o.beside(before):
		return fmt.Sprintf("it runs the current %s now, as PID %d, but %d of before runs on, and no pidfile names it", o.Daemon, o.main().Evidence.PID, before.Evidence.PID)
	case o.isCurrent():
		return fmt.Sprintf("it runs the current %s now, as PID %d", o.Daemon, o.main().Evidence.PID)
	case o.isOutdated():
		return "it still runs the old binary: " + o.what()
	}
	return explain.Summary(o.report)
}

// lockRestarts keeps two runs from restarting the same instance. Where no lock can be
// had (an ordinary user, /run not writable), it goes without; where it cannot be told
// whether somebody has it, not.
func (c *console) lockRestarts() (unlock func(), err error) {
	path := filepath.Join(registry.InUse(), ".restart.lock") // no registration
	if registry.InUse() == registry.Dir {
		path = "/run/pidproof/restart.lock"
		if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return unlockable(err)
		}
	}
	// Not readable by others: whoever can open it can lock it, flock(2).
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return unlockable(err)
	}
	switch err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		lock.Close()
		return nil, errors.New("another pidproof restarts instances at this moment; try again when it is done")
	case err != nil:
		lock.Close()
		return nil, fmt.Errorf("whether another pidproof restarts instances cannot be told: %w", err)
	}
	return func() { lock.Close() }, nil
}

// unlockable goes without a lock where there can be none.
func unlockable(err error) (unlock func(), _ error) {
	for _, none := range []error{fs.ErrPermission, fs.ErrNotExist, syscall.EROFS} {
		if errors.Is(err, none) {
			return func() {}, nil
		}
	}
	return nil, fmt.Errorf("whether another pidproof restarts instances cannot be told: %w", err)
}
