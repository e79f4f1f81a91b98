package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// To be told what dpkg does at the moment it does it, and to make it wait there, it is traced: each program that it runs,
// and each system call that puts a file in place or removes one. The programs themselves, and so the maintainer scripts,
// are not.

// step is something that dpkg is about to do: it waits until before has returned.
type step struct {
	program []string // is about to run
	file    string   // is about to be put in place, or removed
}

// Numbers of system calls, by the architecture that the kernel names. <linux/audit.h>, ptrace(2)
var numbers = map[uint32]map[uint64]string{
	0xC000003E: {82: "rename", 87: "unlink", 263: "unlinkat", 264: "renameat", 316: "renameat2"}, // x86_64
	0xC00000B7: {35: "unlinkat", 38: "renameat", 276: "renameat2"},                               // aarch64
}

const (
	getSyscallInfo = 0x420e     // PTRACE_GET_SYSCALL_INFO
	exitKill       = 0x100000   // PTRACE_O_EXITKILL
	ownThread      = 0x20000000 // __WNOTHREAD: other threads have children, too
)

// syscallInfo is struct ptrace_syscall_info, of an entry.
type syscallInfo struct {
	op     uint8 // 1: entry
	_      [3]uint8
	arch   uint32
	_, _   uint64
	number uint64
	args   [6]uint64
}

// tracer follows one process.
type tracer struct {
	pid    int
	memory *os.File
	// before is told of each step, and answers whether files matter from now on: to stop at each system call costs.
	before func(step) (files bool, err error)
	files  bool
	begins int          // a child that has not run its program yet: until then the process waits
	early  map[int]bool // children that have, before the process was seen to make them
}

// trace runs a command, its output in a file, and returns how it has ended; files tells whether they matter from the start.
func trace(argv []string, output *os.File, files bool, before func(step) (files bool, err error)) (exit int, err error) {
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	process, err := os.StartProcess(argv[0], argv, &os.ProcAttr{
		Env: os.Environ(), Files: []*os.File{null, output, output}, Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return 0, err
	}
	t := &tracer{pid: process.Pid, before: before, files: files, early: map[int]bool{}}
	if exit, err = t.follow(); err != nil {
		err = errors.Join(err, process.Kill())
	}
	return exit, err
}

func (t *tracer) follow() (exit int, err error) {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(t.pid, &status, 0, nil); err != nil { // its execve
		return 0, fmt.Errorf("waiting for dpkg: %w", err)
	}
	if t.memory, err = os.Open(fmt.Sprintf("/proc/%d/mem", t.pid)); err != nil {
		return 0, err
	}
	defer t.memory.Close()
	if err := syscall.PtraceSetOptions(t.pid, exitKill|syscall.PTRACE_O_TRACESYSGOOD|syscall.PTRACE_O_TRACEEXEC|
		syscall.PTRACE_O_TRACEFORK|syscall.PTRACE_O_TRACEVFORK|syscall.PTRACE_O_TRACECLONE); err != nil {
		return 0, err
	}
	for err = t.resume(0); err == nil; {
		pid, err := syscall.Wait4(-1, &status, syscall.WALL|ownThread, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("waiting for dpkg: %w", err)
		case pid == t.pid && status.Exited():
			return status.ExitStatus(), nil
		case pid == t.pid && status.Signaled():
			return 0, fmt.Errorf("dpkg has died of %v", status.Signal())
		case pid == t.pid:
			err = t.stopped(status)
		default:
			err = t.child(pid, status)
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, err
}

func (t *tracer) resume(signal int) error {
	if t.files {
		return syscall.PtraceSyscall(t.pid, signal)
	}
	return syscall.PtraceCont(t.pid, signal)
}

// stopped: the process has begun or ended a system call, made a child, or is about to get a signal.
func (t *tracer) stopped(status syscall.WaitStatus) error {
	switch {
	case status.StopSignal() == syscall.SIGTRAP|0x80:
		if err := t.call(); err != nil {
			return err
		}
		return t.resume(0)
	case status.TrapCause() > 0:
		child, err := syscall.PtraceGetEventMsg(t.pid)
		if err != nil || !t.early[int(child)] {
			t.begins = int(child)
			return err
		}
		delete(t.early, int(child))
		return t.resume(0)
	}
	return t.resume(int(status.StopSignal()))
}

// child lets a child run until it is about to run a program, and then without us.
func (t *tracer) child(pid int, status syscall.WaitStatus) (err error) {
	switch {
	case status.TrapCause() == syscall.PTRACE_EVENT_EXEC:
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			return err
		}
		if t.files, err = t.before(step{program: strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")}); err != nil {
			return err
		}
		err = syscall.PtraceDetach(pid)
		if err != nil {
			return err
		}
	case status.Stopped():
		signal := int(status.StopSignal())
		if signal == int(syscall.SIGSTOP) || status.TrapCause() > 0 { // its birth, or a child of its own
			signal = 0
		}
		return syscall.PtraceCont(pid, signal)
	}
	if t.begins != pid {
		t.early[pid] = true
		return nil
	}
	t.begins = 0
	return t.resume(0)
}

// call looks at what the process asks the kernel for.
func (t *tracer) call() (err error) {
	var info syscallInfo
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(t.pid),
		unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0); errno != 0 {
		return fmt.Errorf("PTRACE_GET_SYSCALL_INFO: %w", errno)
	}
	calls := numbers[info.arch]
	if calls == nil {
		return fmt.Errorf("the numbers of this machine's system calls are not known: %#x", info.arch)
	}
	if info.op != 1 {
		return nil
	}
	file := ""
	switch calls[info.number] {
	case "rename":
		file = installed(text(t.memory, info.args[0]))
	case "renameat", "renameat2":
		file = installed(text(t.memory, info.args[1]))
	case "unlink":
		file = removed(text(t.memory, info.args[0]))
	case "unlinkat":
		file = removed(text(t.memory, info.args[1]))
	}
	if file != "" {
		t.files, err = t.before(step{file: file})
	}
	return err
}

func installed(from string) string {
	name, new := strings.CutSuffix(from, ".dpkg-new")
	if !new {
		return ""
	}
	return name
}

func removed(name string) string {
	if strings.HasSuffix(name, ".dpkg-new") || strings.HasSuffix(name, ".dpkg-tmp") {
		return ""
	}
	return name
}

// text reads a string of the traced process.
func text(memory *os.File, at uint64) string {
	buffer := make([]byte, 4096)
	n, _ := memory.ReadAt(buffer, int64(at)) // to the end of what is mapped
	name, _, _ := bytes.Cut(buffer[:n], []byte{0})
	return string(name)
}
