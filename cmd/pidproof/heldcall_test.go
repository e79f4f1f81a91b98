package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"pidproof/testdata/waiting"
)

// A test that is about the moment between two system calls holds a command at
// the entry of the second one: testdata/nopidfd -ask, seccomp_unotify(2).

// heldCall is struct seccomp_notif of linux/seccomp.h: a thread that waits at
// the entry of a system call.
type heldCall struct {
	id           uint64
	thread       uint32
	_            uint32
	number       int32
	architecture uint32
	_            uint64 // where the call is
	args         [6]uint64
}

// holder decides about a call before it takes place: with 0 it goes on, with an
// error it fails.
type holder func(heldCall) (syscall.Errno, error)

// heldAnswer is struct seccomp_notif_resp: flags say that the call goes on, or
// err, negative, is what it fails with.
type heldAnswer struct {
	id    uint64
	_     int64
	err   int32
	flags uint32
}

// runHeld runs the command and asks hold about each of these calls.
func runHeld(nopidfd, calls string, command []string, hold holder) (exit int, output string, err error) {
	sockets, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, "", err
	}
	defer unix.Close(sockets[0])
	theirs := os.NewFile(uintptr(sockets[1]), "socket")
	cmd := exec.Command(nopidfd, append([]string{"-ask", "3", "-calls", calls, "--"}, command...)...)
	cmd.ExtraFiles = []*os.File{theirs}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return 0, "", err
	}
	err = answerCalls(sockets[0], hold)
	if err != nil {
		_ = cmd.Process.Kill()
	}
	var failed *exec.ExitError
	if ended := cmd.Wait(); ended != nil && !errors.As(ended, &failed) {
		err = errors.Join(err, ended)
	}
	if err != nil {
		return 0, "", fmt.Errorf("%v: %w: %s", command, err, out.String())
	}
	return cmd.ProcessState.ExitCode(), out.String(), nil
}

// answerCalls returns when the command has ended, and with it the filter.
func answerCalls(socket int, hold holder) error {
	listener, err := receiveListener(socket)
	if err != nil {
		return err
	}
	defer unix.Close(listener)
	for {
		fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		switch n, err := unix.Poll(fds, int(waiting.Limit.Milliseconds())); {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n == 0:
			return fmt.Errorf("it does nothing for %v", waiting.Limit)
		case fds[0].Revents&unix.POLLIN == 0:
			return nil
		}
		var call heldCall
		switch err := seccompIoctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&call)); err {
		case 0:
		case unix.ENOENT, unix.EINTR:
			continue // a signal interrupted the thread: it calls again
		default:
			return fmt.Errorf("receiving a call: %w", err)
		}
		answer := heldAnswer{id: call.id}
		refused, err := hold(call)
		if err != nil {
			return err
		}
		if answer.err = -int32(refused); refused == 0 {
			answer.flags = unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE
		}
		if err := seccompIoctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&answer)); err != 0 && err != unix.ENOENT {
			return fmt.Errorf("answering a call: %w", err)
		}
	}
}

func receiveListener(socket int) (int, error) {
	limit := unix.NsecToTimeval(int64(waiting.Limit))
	if err := unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return -1, err
	}
	rights := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, make([]byte, 1), rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return -1, errors.Join(errors.New("no filter"), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return -1, err
	}
	return fds[0], nil
}

func seccompIoctl(fd int, request uintptr, argument unsafe.Pointer) syscall.Errno {
	_, _, err := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(argument))
	return err
}

// isAbout reports that the call is this one and opens, signals or reads about
// the process pid.
func (c heldCall) isAbout(name string, pid int) bool {
	switch {
	case name == "pidfd_open" && c.number == unix.SYS_PIDFD_OPEN:
		return c.args[0] == uint64(pid)
	case name == "kill" && c.number == unix.SYS_KILL:
		return c.args[0] == uint64(pid) && c.args[1] != 0
	case name == "pidfd_send_signal" && c.number == unix.SYS_PIDFD_SEND_SIGNAL:
		info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", c.thread, c.args[0]))
		return err == nil && c.args[1] != 0 && bytes.Contains(info, fmt.Appendf(nil, "\nPid:\t%d\n", pid))
	case name == "openat" && c.number == unix.SYS_OPENAT:
		return strings.HasPrefix(c.path(), "/proc/"+strconv.Itoa(pid)+"/")
	}
	return false
}

// path is what the call names in its second argument.
func (c heldCall) path() string {
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", c.thread))
	if err != nil {
		return ""
	}
	defer memory.Close()
	text := make([]byte, 64) // may end before a page that is not there
	n, _ := memory.ReadAt(text, int64(c.args[1]))
	path, _, _ := bytes.Cut(text[:n], []byte{0})
	return string(path)
}
