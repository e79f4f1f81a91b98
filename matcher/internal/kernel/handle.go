package kernel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// Handle is one process held still: while the pidfd says that the process has not
// been collected, its number cannot pass to another, so everything read from
// /proc/PID in between belongs to it. Copies of what holds it share it: whoever lets
// go of it first closes it for all. None (nil) holds nobody.
type Handle struct {
	system *System
	pid    int
	start  uint64 // in ticks since boot, once known; tells where there is no pidfd

	lock     sync.RWMutex // held while fd is used, so that nobody closes it meanwhile
	Fd       int          // -1: no pidfd_open here; start times are compared instead
	released bool
}

// ErrReleased: nobody is held.
var ErrReleased = errors.New("the process is not held")

// Pin takes hold of pid. life is Alive, or says why there is nothing to hold.
func (h *System) Pin(pid int) (*Handle, fact.Life, error) {
	fd, err := Retried(func() (int, error) { return h.PidfdOpen(pid) })
	switch {
	case err == nil:
		return &Handle{system: h, pid: pid, Fd: fd}, fact.Alive, nil
	case errors.Is(err, unix.ESRCH):
		return nil, fact.Gone, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT):
		// The number of a thread: EINVAL up to Linux 6.14, ENOENT after.
		return nil, fact.Thread, nil
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		// Before Linux 5.3, or under a seccomp filter.
		return &Handle{system: h, pid: pid, Fd: -1}, fact.Alive, nil
	}
	return nil, fact.Alive, err
}

// byPidfd reports that a pidfd holds the process.
func (p *Handle) byPidfd() bool { return p != nil && p.Fd >= 0 }

func (p *Handle) PinnedBy() string {
	if p.byPidfd() {
		return "pidfd"
	}
	return "start time"
}

// ended reports that every thread of the process has ended (pidfd_open(2): a pidfd
// becomes readable then). Without a pidfd it cannot tell.
func (p *Handle) ended() (bool, error) {
	if !p.byPidfd() {
		return false, nil
	}
	p.lock.RLock()
	defer p.lock.RUnlock()
	if p.released {
		return false, ErrReleased
	}
	fds := []unix.PollFd{{Fd: int32(p.Fd), Events: unix.POLLIN}}
	n, err := Retried(func() (int, error) { return unix.Poll(fds, 0) })
	if err != nil {
		return false, fmt.Errorf("whether process %d has ended: %w", p.pid, err)
	}
	return n > 0 && fds[0].Revents&unix.POLLIN != 0, nil
}

// Over reports that the process has ended: all its threads, while its parent may not
// have collected it yet. Who cannot be asked, or is not held any more, is waited for.
func (p *Handle) Over() bool {
	switch {
	case p == nil:
		return false
	case p.byPidfd():
		ended, err := p.ended()
		return ended && err == nil
	}
	stat, err := p.system.ReadStat(p.pid)
	if err != nil {
		return fact.Vanished(err)
	}
	return stat.Start != p.start || HasEnded(stat)
}

// Signal sends sig to the process that is held (pidfd_send_signal(2)), or to nobody.
// ESRCH means that it has ended, EPERM that it is not ours to signal. Where one of the two
// system calls is missing (Linux before 5.3, a seccomp filter) it is made sure that the
// process lives, by its start time or its pidfd, just before kill(2), which leaves a gap
// of some microseconds.
func (p *Handle) Signal(sig syscall.Signal) error {
	if p == nil {
		return ErrReleased
	}
	if p.Over() { // a zombie takes signals
		return unix.ESRCH
	}
	p.lock.RLock()
	released := p.released
	var err error
	if !released && p.Fd >= 0 {
		err = unix.PidfdSendSignal(p.Fd, sig, nil, 0)
	}
	p.lock.RUnlock()
	switch {
	case released:
		return ErrReleased
	case err == unix.ESRCH && !p.Over():
		return fmt.Errorf("process %d is there, and cannot be found: %w", p.pid, unix.EIO)
	case p.Fd >= 0 && err != unix.ENOSYS && (err != unix.EPERM || !signalsFiltered()):
		return err
	case p.Over():
		return unix.ESRCH
	}
	return unix.Kill(p.pid, sig)
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

func (p *Handle) Release() {
	if p == nil {
		return
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.byPidfd() && !p.released {
		unix.Close(p.Fd)
	}
	p.released = true
}

// ChangedHands reports that the number stands for another process than the one
// that was held when it started.
func (p *Handle) ChangedHands(start uint64) (bool, error) {
	if p == nil || p.byPidfd() {
		return p.ended()
	}
	stat, err := p.system.ReadStat(p.pid)
	if err != nil && !fact.Vanished(err) {
		return false, err
	}
	return err != nil || stat.Start != start, nil
}

// holdTick is how often a process is looked at that no pidfd can tell of.
const holdTick = 10 * time.Millisecond

// AwaitEvent waits until one of the processes ends, fd (-1: none) can be read, or ctx
// ends; it may return before. It reports that fd can be read.
func AwaitEvent(ctx context.Context, of []*Handle, fd int) bool {
	end, release := endOf(ctx)
	defer release()
	timeout := -1
	if end < 0 && ctx.Done() != nil {
		timeout = int(holdTick.Milliseconds())
	}
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(end), Events: unix.POLLIN}} // poll(2) passes over -1
	for _, p := range of {
		if !p.byPidfd() {
			timeout = int(holdTick.Milliseconds())
			continue // poll(2) takes no more entries than files may be open
		}
		p.lock.RLock()
		if !p.released {
			fds = append(fds, unix.PollFd{Fd: int32(p.Fd), Events: unix.POLLIN})
		}
		p.lock.RUnlock()
	}
	n, _ := Retried(func() (int, error) { return unix.Poll(fds, timeout) })
	return n > 0 && fds[0].Revents != 0
}

// endOf gives a descriptor that can be read once ctx has ended; -1 if ctx never ends, or
// no descriptor is left.
func endOf(ctx context.Context) (fd int, release func()) {
	if ctx.Done() == nil {
		return -1, func() {}
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return -1, func() {}
	}
	written := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(written)
		_, _ = unix.Write(fd, binary.NativeEndian.AppendUint64(nil, 1)) // eventfd(2): fails at 2^64-1 only
	})
	return fd, func() {
		if !stop() {
			<-written
		}
		unix.Close(fd)
	}
}
