// Nopidfd runs a command under a seccomp filter (seccomp(2)) on some system
// calls: they fail, as on a kernel that lacks them or in a container that
// forbids them (-errno), or they wait at their entry until somebody lets them
// go on (-ask).
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

var (
	calls = flag.String("calls", "", "filter these system calls: `name`,name...")
	errno = flag.String("errno", "", "they fail with this `error`: ENOSYS, EPERM...")
	ask   = flag.Int("ask", -1, "they wait: seccomp_unotify(2)'s descriptor goes out on the Unix `socket` of this number")
)

// numbers holds what the tests filter. The table in unix is without names.
var numbers = map[string]uint32{
	"inotify_init1":     unix.SYS_INOTIFY_INIT1,
	"kill":              unix.SYS_KILL,
	"openat":            unix.SYS_OPENAT,
	"openat2":           unix.SYS_OPENAT2,
	"pidfd_open":        unix.SYS_PIDFD_OPEN,
	"pidfd_send_signal": unix.SYS_PIDFD_SEND_SIGNAL,
	"statx":             unix.SYS_STATX,
}

// ours is what seccomp_data.arch says of our own system calls (linux/audit.h).
var ours = map[string]uint32{
	"amd64": unix.AUDIT_ARCH_X86_64,
	"arm64": unix.AUDIT_ARCH_AARCH64,
}

func main() {
	flag.Parse()
	// It never returns: either the command takes our place, or it could not.
	fmt.Fprintf(os.Stderr, "nopidfd: %v\n", run(flag.Args()))
	os.Exit(126)
}

func run(command []string) error {
	if len(command) == 0 || (*errno == "") == (*ask < 0) {
		return errors.New("usage: nopidfd {-errno ERROR | -ask FD} -calls NAME,NAME... COMMAND [ARG...]")
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	action, flags := uint32(unix.SECCOMP_RET_USER_NOTIF), uintptr(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	if *errno != "" {
		number, err := errnoNumber(*errno)
		if err != nil {
			return err
		}
		action, flags = unix.SECCOMP_RET_ERRNO|uint32(number), 0
	}
	instructions, err := filter(strings.Split(*calls, ","), action)
	if err != nil {
		return err
	}
	// The filter is this thread's alone, and exec makes it the only thread.
	runtime.LockOSThread()
	listener, err := install(instructions, flags)
	if err != nil {
		return err
	}
	if *ask >= 0 {
		if err := handOver(listener); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w", program, syscall.Exec(program, command, os.Environ()))
}

func errnoNumber(name string) (syscall.Errno, error) {
	for e := syscall.Errno(1); e < 134; e++ { // EHWPOISON is the last
		if unix.ErrnoName(e) == name {
			return e, nil
		}
	}
	return 0, fmt.Errorf("no such error: %q", name)
}

// filter is a program for struct seccomp_data: the call's number at offset 0,
// the architecture at 4. Calls of another architecture have other numbers and
// pass; no test makes any.
func filter(names []string, action uint32) ([]unix.SockFilter, error) {
	arch, known := ours[runtime.GOARCH]
	if !known {
		return nil, errors.New("not written for " + runtime.GOARCH)
	}
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		answer = unix.BPF_RET | unix.BPF_K
	)
	left := uint8(len(names)) // comparisons to come
	program := []unix.SockFilter{
		{Code: load, K: 4},
		{Code: equal, K: arch, Jf: left + 1},
		{Code: load, K: 0},
	}
	for _, name := range names {
		number, known := numbers[name]
		if !known {
			return nil, fmt.Errorf("no such system call here: %q", name)
		}
		program = append(program, unix.SockFilter{Code: equal, K: number, Jt: left})
		left--
	}
	return append(program, unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ALLOW}, unix.SockFilter{Code: answer, K: action}), nil
}

func install(instructions []unix.SockFilter, flags uintptr) (listener int, err error) {
	// Without CAP_SYS_ADMIN, only a process that can gain no privileges may.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, err
	}
	program := unix.SockFprog{Len: uint16(len(instructions)), Filter: &instructions[0]}
	fd, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(instructions)
	if failed != 0 {
		return -1, fmt.Errorf("seccomp: %w", failed)
	}
	return int(fd), nil
}

// handOver gives the listener away; it closes by itself in the command, and so
// shall the socket.
func handOver(listener int) error {
	unix.CloseOnExec(*ask)
	return unix.Sendmsg(*ask, []byte{0}, unix.UnixRights(listener), nil, 0)
}
