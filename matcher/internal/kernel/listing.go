package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// Listing is those of the processes in /proc that were asked for, but never ourselves.
type Listing struct {
	Pids []int // in ascending order
	// Stuck are those that could not be looked at: it took too long.
	Stuck []int
	Init  bool // PID 1 was listed; hidepid hides it
}

// Among lists the processes for which may is true, which is asked with a descriptor of
// /proc. What a look at all of them costs is the kernel's work, so every core takes part,
// and each looks at a batch as soon as it was listed, while the kernel's records of it are
// still in its caches.
func (h *System) Among(may func(proc, pid int) (bool, error)) (Listing, error) {
	h.Doing("reading %s", h.Proc)
	proc, err := h.OpenProc(unix.O_RDONLY)
	if err != nil {
		return Listing{}, fmt.Errorf("reading %s: %w", h.Proc, err)
	}
	all, err := (&lookout{reader: procReader{fd: proc}, may: may, self: os.Getpid(), untold: h.Untold}).all(runtime.GOMAXPROCS(0))
	if err != nil {
		return Listing{}, fmt.Errorf("reading %s: %w", h.Proc, err)
	}
	slices.Sort(all.Pids)
	slices.Sort(all.Stuck)
	return all, nil
}

// OpenProc opens /proc: from there the way to a file of a process is half as long as from /.
func (h *System) OpenProc(mode int) (int, error) {
	return Retried(func() (int, error) { return unix.Open(h.Proc, mode|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
}

// procReader hands out the numbers in a directory to several readers, batch by batch.
type procReader struct {
	fd   int
	lock sync.Mutex
}

// next gives the numbers of a batch; done where no more are left.
func (r *procReader) next(numbers []int, entries []byte) (batch []int, done bool, err error) {
	r.lock.Lock()
	n, err := Retried(func() (int, error) { return unix.ReadDirent(r.fd, entries) })
	r.lock.Unlock()
	if n <= 0 || err != nil {
		return nil, true, err
	}
	batch = numbers[:0]
	eachNumber(entries[:n], func(pid int) { batch = append(batch, pid) })
	return batch, false, nil
}

// eachNumber finds the names that are numbers among directory entries.
func eachNumber(entries []byte, visit func(int)) {
	EachName(entries, func(name []byte, _ byte) {
		number := 0
		for _, c := range name {
			if c < '0' || c > '9' {
				return
			}
			if number = number*10 + int(c-'0'); number > fact.PIDMax {
				return
			}
		}
		if number > 0 {
			visit(number)
		}
	})
}

// EachName takes apart what getdents64(2) gave: entries of inode and offset (8 bytes
// each), their own length (2), a type (1, DT_*) and a name that ends with a NUL. "." and
// ".." are left out.
func EachName(entries []byte, visit func(name []byte, kind byte)) {
	const lengthAt, typeAt, nameAt = 16, 18, 19
	for len(entries) > nameAt {
		length := int(binary.NativeEndian.Uint16(entries[lengthAt:]))
		if length <= nameAt || length > len(entries) {
			return
		}
		name := entries[nameAt:length]
		if end := bytes.IndexByte(name, 0); end > 0 {
			if name = name[:end]; string(name) != "." && string(name) != ".." {
				visit(name, entries[typeAt])
			}
		}
		entries = entries[length:]
	}
}

// ExeLink reads the link PID/exe, proc being a descriptor of /proc: into target if
// it fits. It is unix.Readlinkat less two allocations, for what is done ten thousand times
// in a row. Go's scheduler is told of the call, though the kernel waits for nobody here
// (proc_pid_readlink in fs/proc/base.c): else it would need a core more, for the deadline to
// pass, and how many are used is a matter of the whole program that we are part of.
func ExeLink(proc, pid int, target []byte) ([]byte, error) {
	var space [32]byte
	path := append(strconv.AppendInt(space[:0], int64(pid), 10), "/exe\x00"...)
	for {
		n, _, errno := syscall.Syscall6(unix.SYS_READLINKAT, uintptr(proc), uintptr(unsafe.Pointer(&path[0])),
			uintptr(unsafe.Pointer(&target[0])), uintptr(len(target)), 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return nil, errno
		}
		if int(n) < len(target) {
			return target[:n], nil
		}
		target = make([]byte, 2*len(target)) // the kernel cuts off, readlink(2)
	}
}
