package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/bench/programs"
)

// Inside is the name under which this program measures.
const Inside = "bench-inside"

// choosePlace tries whether the measuring process can be init of a PID namespace: with it, however it dies, go all
// processes there, and nobody else's count. If it cannot, it runs among all processes of the machine.
func (b *Bench) choosePlace(ctx context.Context) error {
	b.plan.Own = !b.among
	tried, err := b.measure(ctx) // no sizes yet
	if err != nil {
		return err
	}
	dir := "/run"
	if tried.Setup != "" || b.among {
		fmt.Fprintf(os.Stderr, "bench: among the machine's processes, which count, too: no own namespaces: %s\n", tried.Setup)
		b.plan.Own, dir = false, b.dir
	}
	b.plan.Pidfile = filepath.Join(dir, programs.Daemon+".pid")
	b.plan.Stale = filepath.Join(dir, programs.Daemon+"-2.pid")
	return nil
}

// measure runs this program once more, as Inside, and returns its result.
func (b *Bench) measure(ctx context.Context) (*Result, error) {
	told, err := json.Marshal(b.plan)
	if err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	runtime.LockOSThread() // Pdeathsig is about the thread that forks (prctl(2))
	defer runtime.UnlockOSThread()
	var said bytes.Buffer
	inside := exec.CommandContext(ctx, exe)
	inside.Args[0] = Inside
	inside.Stdin, inside.Stdout, inside.Stderr = bytes.NewReader(told), &said, os.Stderr
	inside.SysProcAttr = place(b.plan.Own)
	inside.WaitDelay = 10 * time.Second
	if err := inside.Start(); err != nil {
		if b.plan.Own {
			return &Result{Setup: err.Error()}, nil
		}
		return nil, err
	}
	if err := inside.Wait(); err != nil {
		return nil, fmt.Errorf("the measuring process: %w", err)
	}
	result := new(Result)
	return result, json.Unmarshal(said.Bytes(), result)
}

func place(own bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if !own {
		return attr
	}
	attr.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// settle gives the init of new namespaces its own /proc, and an empty /run: pidfiles of the machine would be other
// instances', and ours must not stay.
func settle() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	// The kernel refuses a user namespace this where parts of /proc are hidden, as in containers: mount_namespaces(7).
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("an own /proc: %w", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("an own /run: %w", err)
	}
	return nil
}
