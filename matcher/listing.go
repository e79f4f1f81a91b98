package matcher

import (
	"cmp"
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
)

// listing is those of the processes in /proc that were asked for, but never ourselves.
type listing struct {
	pids []int // in ascending order
	init bool  // PID 1 was listed; hidepid hides it
}

// among lists the processes for which may is true. What a look at all of them costs
// is the kernel's work, so every core takes part, and each looks at a batch as soon
// as it was listed, while the kernel's records of it are still in its caches.
func (h *host) among(may func(pid int) (bool, error)) (listing, error) {
	h.doing("reading %s", h.proc)
	proc, err := h.openProc(unix.O_RDONLY)
	if err != nil {
		return listing{}, fmt.Errorf("reading %s: %w", h.proc, err)
	}
	defer unix.Close(proc)
	var (
		all     listing
		failure error
		lock    sync.Mutex // of all, failure
		reader  = procReader{fd: proc}
		work    sync.WaitGroup
		self    = os.Getpid()
	)
	look := func() {
		var found listing
		var doubt error
		err := reader.each(func(pid int) {
			found.init = found.init || pid == 1
			if pid == self || doubt != nil {
				return
			}
			is, err := may(pid)
			if doubt = err; is {
				found.pids = append(found.pids, pid)
			}
		})
		lock.Lock()
		defer lock.Unlock()
		all.pids, all.init = append(all.pids, found.pids...), all.init || found.init
		failure = cmp.Or(failure, err, doubt)
	}
	cores := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(cores + 1) // exeLink keeps one busy; the deadline must pass
	defer runtime.GOMAXPROCS(cores)
	for range cores - 1 {
		work.Go(look)
	}
	look()
	work.Wait()
	if failure != nil {
		return listing{}, fmt.Errorf("reading %s: %w", h.proc, failure)
	}
	slices.Sort(all.pids)
	return all, nil
}

// openProc opens /proc: from there the way to a file of a process is half as long as from /.
func (h *host) openProc(mode int) (int, error) {
	return unix.Open(h.proc, mode|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// procReader hands out the numbers in a directory to several readers, batch by batch.
type procReader struct {
	fd   int
	lock sync.Mutex
}

// each calls visit for the numbers of its batches, until no more are left.
func (r *procReader) each(visit func(pid int)) error {
	batch := make([]byte, 1024) // about 40 of them
	for {
		r.lock.Lock()
		n, err := retried(func() (int, error) { return unix.ReadDirent(r.fd, batch) })
		r.lock.Unlock()
		if n <= 0 || err != nil {
			return err
		}
		eachNumber(batch[:n], visit)
	}
}

// eachNumber finds the names that are numbers in what getdents64(2) gave: entries of
// inode and offset (8 bytes each), their own length (2), a type (1) and a name that
// ends with a NUL.
func eachNumber(entries []byte, visit func(int)) {
	const lengthAt, nameAt = 16, 19
	for len(entries) > nameAt {
		length := int(binary.NativeEndian.Uint16(entries[lengthAt:]))
		if length <= nameAt || length > len(entries) {
			return
		}
		number := 0
		for _, c := range entries[nameAt:length] {
			if c < '0' || c > '9' {
				if c == 0 && number > 0 {
					visit(number)
				}
				break
			}
			if number = number*10 + int(c-'0'); number > PIDMax {
				break
			}
		}
		entries = entries[length:]
	}
}

// exeLink reads the link PID/exe, proc being a descriptor of /proc: into target if
// it fits. It is unix.Readlinkat less two allocations and less a word with Go's
// scheduler, for what is done ten thousand times in a row: a thirtieth of a scan.
// The kernel waits for nobody here (proc_pid_readlink in fs/proc/base.c).
func exeLink(proc, pid int, target []byte) ([]byte, error) {
	var space [32]byte
	path := append(strconv.AppendInt(space[:0], int64(pid), 10), "/exe\x00"...)
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_READLINKAT, uintptr(proc), uintptr(unsafe.Pointer(&path[0])),
			uintptr(unsafe.Pointer(&target[0])), uintptr(len(target)), 0, 0)
		if errno != 0 {
			return nil, errno
		}
		if int(n) < len(target) {
			return target[:n], nil
		}
		target = make([]byte, 2*len(target)) // the kernel cuts off, readlink(2)
	}
}
