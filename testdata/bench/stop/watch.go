package stop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// child is a process that this one started, held by a pidfd.
type child struct {
	cmd   *exec.Cmd
	pidfd int
	ended time.Duration // CLOCK_MONOTONIC when it was seen to have ended; 0 until then
	err   error         // what cmd.Wait said then
}

func start(stdout *os.File, argv ...string) (*child, error) {
	c := &child{cmd: exec.Command(argv[0], argv[1:]...), pidfd: -1}
	c.cmd.Stderr = os.Stderr
	if stdout != nil { // not as a nil *os.File in an interface
		c.cmd.Stdout = stdout
	}
	c.cmd.SysProcAttr = &unix.SysProcAttr{PidFD: &c.pidfd}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	if c.pidfd < 0 {
		c.kill()
		return nil, errors.New("this kernel gives no pidfds")
	}
	return c, nil
}

// watch notes when the daemon and the command that stops it end. Each is waited for at once: to `kill -0` a zombie still
// runs.
func watch(daemon, stopper *child) error {
	watched := []*child{daemon, stopper}
	for daemon.ended == 0 || stopper.ended == 0 {
		fds := []unix.PollFd{{Fd: -1, Events: unix.POLLIN}, {Fd: -1, Events: unix.POLLIN}}
		for i, c := range watched {
			if c.ended == 0 {
				fds[i].Fd = int32(c.pidfd)
			}
		}
		limit := patience
		if stopper.ended != 0 {
			limit = grace
		}
		n, err := unix.Poll(fds, int(limit.Milliseconds()))
		now := monotonic()
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n == 0 && stopper.err != nil:
			return stopper.err
		case n == 0 && stopper.ended != 0:
			return fmt.Errorf("it returned, and %v later the daemon had not ended", grace)
		case n == 0:
			return fmt.Errorf("it has not returned after %v", patience)
		}
		for i, c := range watched {
			if fds[i].Revents != 0 {
				c.ended, c.err = now, c.cmd.Wait()
			}
		}
	}
	return nil
}

// kill ends a process that has not ended; os.Process signals through a pidfd, too.
func (c *child) kill() {
	if c.ended == 0 {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}
	if c.pidfd >= 0 {
		unix.Close(c.pidfd)
	}
}

// monotonic reads CLOCK_MONOTONIC, which all processes share; time.Time's is relative to the process.
func monotonic() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err) // clock_gettime(2): only for a clock that does not exist
	}
	return time.Duration(now.Nano())
}
