package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher/host"
)

// firstPIDNamespace is the inode of the first one, include/linux/proc_ns.h: PROC_PID_INIT_INO.
const firstPIDNamespace = "pid:[4026531836]"

func proc(_ context.Context, f *Finding) {
	if err := host.ProcIsOurs(); err != nil {
		f.add(ToDo, err.Error(), say.Command("mount", "-t", "proc", "proc", "/proc"))
		return
	}
	whose := "ours"
	if namespace, err := os.Readlink("/proc/self/ns/pid"); err == nil && namespace != firstPIDNamespace {
		whose = "ours, that of a container: what runs outside is not seen"
	}
	switch hides, err := host.HidesProcesses(); {
	case err != nil:
		f.failed(err)
	case hides && os.Geteuid() == 0:
		f.add(ToDo, "hidepid= hides processes, also from root, who lacks CAP_SYS_PTRACE here", say.Command("mount", "-o", "remount,hidepid=0", "/proc"))
	case hides:
		f.add(Well, whose+"; hidepid= hides others' processes from you, not from root")
	default:
		f.add(Well, whose)
	}
}

// pidfds: pidfd_open(2) came with Linux 5.3, pidfd_send_signal(2) with 5.1.
func pidfds(_ context.Context, f *Finding) {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err == nil {
		defer unix.Close(fd)
		err = unix.PidfdSendSignal(fd, 0, nil, 0)
	}
	var kernel unix.Utsname
	if err := unix.Uname(&kernel); err != nil {
		f.failed(err)
		return
	}
	release := unix.ByteSliceToString(kernel.Release[:])
	switch {
	case err == nil:
		f.add(Well, "Linux "+release+" has them")
	case errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM):
		f.failed(err)
	case older(release, 5, 3):
		f.add(ToDo, "Linux "+release+" has none: start times are compared instead", "Linux 5.3 or later")
	default:
		f.add(ToDo, fmt.Sprintf("Linux %s has them, and a seccomp filter forbids them (%v): start times are compared instead", release, err),
			"allow pidfd_open and pidfd_send_signal in the filter of this container or unit")
	}
}

// older reports that a release, as 6.1.0-18-amd64, comes before a version.
func older(release string, major, minor int) bool {
	var a, b int
	if n, _ := fmt.Sscanf(strings.ReplaceAll(release, ".", " "), "%d %d", &a, &b); n < 2 {
		return false
	}
	return a < major || a == major && b < minor
}
