// Launch starts the programs that the scan benchmark measures, one at a time, and says what each took.
//
// It is a program of its own because it must be small. A process's ru_maxrss begins with that of whoever forked it:
// exec keeps the high-water mark of the memory it replaces (exec_mmap in the kernel's fs/exec.c), and after a vfork
// that is the parent's. So it imports next to nothing, and what it measures is never less than its own size.
//
// A request on stdin is its length and the words of the command, a NUL after each; the answer on stdout is five
// numbers. All numbers have 8 bytes, in the order of this machine. It ends when stdin does.
package main

import (
	"runtime"
	"syscall"
	"unsafe"
)

// largest is more than any command line here has.
const largest = 64 << 10

var (
	request [largest]byte
	answer  [5]int64 // wall time and CPU time in ns, peak memory in KiB, wait status, errno
)

func main() {
	null, err := syscall.Open("/dev/null", syscall.O_RDWR, 0)
	if err != nil {
		syscall.Exit(1)
	}
	files := []uintptr{uintptr(null), uintptr(null), uintptr(null)}
	for {
		words, ok := command()
		if !ok {
			return
		}
		runtime.GC() // or it grows
		measure(words, &syscall.ProcAttr{Env: syscall.Environ(), Files: files})
		if !put() {
			return
		}
	}
}

func measure(words []string, attr *syscall.ProcAttr) {
	answer = [5]int64{}
	var usage syscall.Rusage
	var status syscall.WaitStatus
	begin := now()
	pid, err := syscall.ForkExec(words[0], words, attr)
	for err == nil {
		// Its usage holds that of the children it has waited for: a pipeline counts as a whole.
		if _, err = syscall.Wait4(pid, &status, 0, &usage); err == nil {
			break
		}
		if err == syscall.EINTR {
			err = nil
		}
	}
	answer[0] = now() - begin
	if errno, failed := err.(syscall.Errno); failed {
		answer[4] = int64(errno)
	}
	answer[1] = usage.Utime.Nano() + usage.Stime.Nano()
	answer[2] = int64(usage.Maxrss)
	answer[3] = int64(status)
}

func command() (words []string, ok bool) {
	var size int64
	if !get(unsafe.Slice((*byte)(unsafe.Pointer(&size)), 8)) || size < 1 || size > largest || !get(request[:size]) {
		return nil, false
	}
	from := 0
	for at, b := range request[:size] {
		if b == 0 {
			words = append(words, string(request[from:at]))
			from = at + 1
		}
	}
	return words, len(words) > 0
}

func get(into []byte) bool {
	for len(into) > 0 {
		n, err := syscall.Read(0, into)
		if err == syscall.EINTR {
			continue
		}
		if n <= 0 {
			return false
		}
		into = into[n:]
	}
	return true
}

// put writes less than PIPE_BUF: at once or not at all.
func put() bool {
	_, err := syscall.Write(1, unsafe.Slice((*byte)(unsafe.Pointer(&answer)), unsafe.Sizeof(answer)))
	return err == nil
}

// now reads CLOCK_MONOTONIC.
func now() int64 {
	var t syscall.Timespec
	// It fails only for a clock that does not exist: clock_gettime(2).
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}
