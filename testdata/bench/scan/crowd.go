package scan

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"pidproof/testdata/bench/host"
)

// lifetime bounds what is left of a bench that was killed where it had no namespace of its own.
const lifetime = time.Hour

// errNoRoom: the machine takes no more processes.
var errNoRoom = errors.New("no room")

// services are what the idle processes are called.
var services = []string{"agetty", "cron", "dbus-daemon", "dhclient", "nginx", "php-fpm", "postgres", "rsyslogd", "sshd",
	"udevd"}

// crowd is the processes that are not asked for: copies of sleep(1) under several paths.
type crowd struct {
	paths []string
	attr  *syscall.ProcAttr
	pids  []int
	null  *os.File
	own   bool // nobody else starts any here
}

func newCrowd(dir string, own bool) (*crowd, error) {
	sleep, err := host.Find("sleep")
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	c := &crowd{null: null, own: own}
	for _, name := range services {
		path := filepath.Join(dir, name)
		if err := copyProgram(sleep, path); err != nil {
			null.Close()
			return nil, err
		}
		c.paths = append(c.paths, path)
	}
	c.attr = &syscall.ProcAttr{Env: environment, Files: []uintptr{null.Fd(), null.Fd(), null.Fd()},
		Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}}
	return c, nil
}

func copyProgram(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	file, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, source)
	return errors.Join(err, file.Close())
}

// grow starts processes until there are so many in all. It takes about half a millisecond each: vfork, one exec, and no
// pidfds as os/exec's, which would soon be more than a process may open.
func (c *crowd) grow(processes int) error {
	there, err := running()
	if err != nil {
		return err
	}
	if there > processes {
		return fmt.Errorf("%w: %s run already", errNoRoom, count(there))
	}
	seconds := strconv.Itoa(int(lifetime.Seconds()))
	for range processes - there {
		path := c.paths[len(c.pids)%len(c.paths)]
		pid, err := syscall.ForkExec(path, []string{path, seconds}, c.attr)
		if err == syscall.EAGAIN || err == syscall.ENOMEM {
			return fmt.Errorf("%w after %s: %w (kernel.pid_max, RLIMIT_NPROC, a cgroup's pids.max, memory?)", errNoRoom,
				count(len(c.pids)), err)
		}
		if err != nil {
			return err
		}
		c.pids = append(c.pids, pid)
	}
	if err := awaitIdle(c.pids); err != nil {
		return err
	}
	return c.count(processes)
}

// count fails unless so many processes are there. Where others start and end some, nobody can promise that.
func (c *crowd) count(processes int) error {
	there, err := running()
	if err != nil {
		return err
	}
	if c.own && there != processes {
		return fmt.Errorf("%s processes are to be there, and %s are", count(processes), count(there))
	}
	return nil
}

// disperse ends the crowd; until they are waited for, the numbers are theirs.
func (c *crowd) disperse() {
	for _, pid := range c.pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, pid := range c.pids {
		for {
			if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
				break
			}
		}
	}
	c.pids = nil
	c.null.Close()
}

// running counts the processes in /proc.
func running() (int, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return 0, err
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	n := 0
	for _, name := range names {
		if name[0] >= '1' && name[0] <= '9' {
			n++
		}
	}
	return n, err
}
