package histories

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const inside = "PIDPROOF_HISTORIES"

// InNamespaces runs tests as PID 1 of PID and mount namespaces of their own, where
// numbers can be given out at will, and gives the exit code to end with. Whatever the
// tests start or mount ends with them. Without root, they run where we are.
func InNamespaces(tests func() int) int {
	if os.Getenv(inside) != "" {
		if err := settle(); err != nil {
			fmt.Fprintln(os.Stderr, "histories: in the namespaces:", err)
			return 1
		}
		return tests()
	}
	if os.Geteuid() != 0 {
		return tests()
	}
	if err := untilBooted(); err != nil {
		fmt.Fprintln(os.Stderr, "histories:", err)
		return 1
	}
	runtime.LockOSThread() // Pdeathsig is about the thread that forks (prctl(2))
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGKILL,
	}
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && (!errors.As(err, &failed) || failed.ExitCode() < 0) {
		fmt.Fprintln(os.Stderr, "histories:", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// booting: within two minutes of the boot the mount of /proc that we make is a witness of
// the clock, which no history can take away.
const booting = 2*time.Minute + time.Second

func untilBooted() error {
	boot, err := bootTime()
	if err != nil {
		return err
	}
	if left := time.Until(boot.Add(booting)); left > 0 {
		fmt.Fprintf(os.Stderr, "histories: waiting %v for the end of the boot\n", left.Round(time.Second))
		time.Sleep(left)
	}
	return nil
}

func settle() error {
	// What we start must not ignore these, as it would under nohup.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGTERM)
	return errors.Join(
		unix.Mount("proc", "/proc", "proc", 0, ""),
		unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"),
	)
}
