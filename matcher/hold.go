package matcher

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// holdTick is how often a process is looked at that no pidfd can tell of.
const holdTick = 10 * time.Millisecond

// Signal sends sig to a held process (pidfd_send_signal(2)): to the one that was
// judged, or to nobody. ESRCH means that it has ended, EPERM that it is not ours
// to signal. Where one of the two system calls is missing (Linux before 5.3, a
// seccomp filter) it is made sure that the process lives, by its start time or its
// pidfd, just before kill(2), which leaves a gap of some microseconds.
func (p *Process) Signal(sig syscall.Signal) error {
	if p.Ended() { // a zombie takes signals
		return unix.ESRCH
	}
	if p.pin.fd >= 0 {
		err := unix.PidfdSendSignal(p.pin.fd, sig, nil, 0)
		if err != unix.ENOSYS && (err != unix.EPERM || !signalsFiltered()) {
			return err
		}
	}
	if p.Ended() {
		return unix.ESRCH
	}
	return unix.Kill(p.Evidence.PID, sig)
}

// signalsFiltered tells a filter's EPERM from that of a process that is not ours:
// ourselves we may always signal. kill(2) in place of the latter could reach
// somebody else.
func signalsFiltered() bool {
	self, err := unix.PidfdOpen(unix.Getpid(), 0)
	if err != nil {
		return false
	}
	defer unix.Close(self)
	return unix.PidfdSendSignal(self, 0, nil, 0) == unix.EPERM
}

// Ended reports that a held process has ended: all its threads, while its parent
// may not have collected it yet.
func (p *Process) Ended() bool {
	if p.pin.fd >= 0 {
		ended, err := p.pin.ended()
		return ended && err == nil // who cannot be asked is waited for
	}
	stat, err := p.host.readStat(p.Evidence.PID)
	if err != nil {
		return vanished(err)
	}
	return stat.Start != p.Evidence.StartTicks || hasEnded(stat)
}

// Release lets go of a process; it may no longer be signalled or awaited.
func (p *Process) Release() {
	if p.host != nil {
		p.pin.release()
		p.pin, p.host = nobody, nil
	}
}

// Release lets go of every process of the report.
func (r *Report) Release() {
	if r.Main != nil {
		r.Main.Release()
	}
	for i := range r.Others {
		r.Others[i].Release()
	}
}

// Living are the held processes of the report that run the daemon, or that the
// pidfile names, and have not ended. Other instances' and containers' are not
// among them.
func (r *Report) Living() []*Process {
	var of []*Process
	if r.Main != nil && r.Main.host != nil && r.Main.Evidence.Life != Gone {
		of = append(of, r.Main)
	}
	for i := range r.Others {
		p := &r.Others[i]
		if p.host != nil && p.Role != RoleOther && p.Role != RoleForeign {
			of = append(of, p)
		}
	}
	return living(of)
}

// AwaitEnd waits until all these held processes have ended, or the time has
// come, and gives those that have not ended.
func AwaitEnd(of []*Process, until time.Time) []*Process {
	for {
		of = living(of)
		if len(of) == 0 || !time.Now().Before(until) {
			return of
		}
		awaitEvent(of, -1, until)
	}
}

func living(of []*Process) (left []*Process) {
	for _, p := range of {
		if !p.Ended() {
			left = append(left, p)
		}
	}
	return left
}

// awaitEvent waits until one of the processes ends or fd (-1: none) can be read,
// and at most until then. It reports that fd can be read.
func awaitEvent(of []*Process, fd int, until time.Time) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} // poll(2) passes over -1
	for _, p := range of {
		if p.pin.fd < 0 {
			until = earlier(until, time.Now().Add(holdTick))
			continue // poll(2) takes no more entries than files may be open
		}
		fds = append(fds, unix.PollFd{Fd: int32(p.pin.fd), Events: unix.POLLIN})
	}
	for {
		// Rounded up: not to wake a little early, again and again.
		left := max(0, min(time.Until(until), time.Hour)+time.Millisecond-1)
		n, err := unix.Poll(fds, int(left/time.Millisecond))
		if err == unix.EINTR {
			continue
		}
		return n > 0 && fds[0].Revents != 0
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
