package matcher

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// process is one PID held still: while the pidfd says that the process has not
// been collected, its number cannot pass to another, so everything read from
// /proc/PID in between belongs to it.
type process struct {
	pid int
	fd  int // -1: no pidfd_open here; start times are compared instead
}

// pin takes hold of pid. life is Alive, or says why there is nothing to hold.
func (h *host) pin(pid int) (process, Life, error) {
	fd, err := h.pidfdOpen(pid)
	switch {
	case err == nil:
		return process{pid, fd}, Alive, nil
	case errors.Is(err, unix.ESRCH):
		return nobody, Gone, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT):
		// The number of a thread: EINVAL up to Linux 6.14, ENOENT after.
		return nobody, Thread, nil
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		// Before Linux 5.3, or under a seccomp filter.
		return process{pid, -1}, Alive, nil
	}
	return nobody, Alive, err
}

// nobody is held where there is nothing to hold. Descriptor 0 is somebody's.
var nobody = process{fd: -1}

// ended reports that every thread of the process has ended (pidfd_open(2): a pidfd
// becomes readable then). Without a pidfd it cannot tell.
func (p process) ended() (bool, error) {
	if p.fd < 0 {
		return false, nil
	}
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
	n, err := retried(func() (int, error) { return unix.Poll(fds, 0) })
	if err != nil {
		return false, fmt.Errorf("whether process %d has ended: %w", p.pid, err)
	}
	return n > 0 && fds[0].Revents&unix.POLLIN != 0, nil
}

func (p process) release() {
	if p.fd >= 0 {
		unix.Close(p.fd)
	}
}

func (p process) pinnedBy() string {
	if p.fd >= 0 {
		return "pidfd"
	}
	return "start time"
}
