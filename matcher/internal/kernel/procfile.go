package kernel

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"strconv"
	"sync"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// github.com/prometheus/procfs reads stat, status, fdinfo, and lists processes and threads.
// Where it has a reader that is not used, the comment above ours says why.

// Status is /proc/PID/status, as far as it is used (proc_pid_status(5)).
type Status struct {
	TGID int
	UIDs [4]int // real, effective, saved, of the file system
	GIDs [4]int
	// Namespaces counts the PID namespaces from that of /proc down to the process's
	// own (NSpid). 0 before Linux 4.1.
	Namespaces int
}

func (h *System) PidPath(pid int, name string) string {
	return h.Proc + "/" + strconv.Itoa(pid) + "/" + name
}

// What is read of a file of /proc/PID at most: a process must not decide what a question
// about others costs.
const (
	// status has a line of all supplementary groups, 65,536 of up to eleven bytes
	// (NGROUPS_MAX of include/uapi/linux/limits.h), before the one that counts namespaces.
	// procfs cuts it off there as well, and does not say so.
	statusLimit = 1 << 20
	// cmdline is as long as a process says (prctl(2), PR_SET_MM_MAP), terabytes. The rules
	// want a program's name and its script, which a JVM has behind a long class path.
	argvLimit = 64 << 10
	// All of it may be empty words, each of which is kept as sixteen bytes.
	argvWords = 4096
)

// No type of procfs is kept in one of ours, nor in a type parameter: as a field of what may
// be printed it would have the linker keep all its methods, half a megabyte.

// readBy has procfs read the file at a path, and asks twice whether it is there, as Confirmed
// does. procfs panics on a file that ends too early; that, and what it cannot parse, is damaged.
func readBy(path string, read func() error) error {
	once := func() (err error) {
		defer func() {
			if recover() != nil {
				err = errDamaged
			}
		}()
		return read()
	}
	err := once()
	if fact.Vanished(err) {
		err = once()
	}
	asked, number := new(fs.PathError), unix.Errno(0)
	switch {
	case err == nil || errors.As(err, &asked):
		return err
	case errors.As(err, &number): // of procfs's statfs(2)
		return &fs.PathError{Op: "read", Path: path, Err: number}
	}
	return damaged(path)
}

func damaged(path string) error { return &fs.PathError{Op: "parse", Path: path, Err: errDamaged} }

func (h *System) process(pid int) (procfs.Proc, error) {
	proc, err := fileSystem(h.Proc)
	if err != nil {
		return procfs.Proc{}, err
	}
	return proc.Proc(pid)
}

// lastUsed is the file system that procfs was opened for last: opening it asks twice what it
// is, for each file of each process. It belongs to no System, see above.
var lastUsed struct {
	sync.Mutex
	path string
	fs   procfs.FS
}

func fileSystem(path string) (procfs.FS, error) {
	lastUsed.Lock()
	defer lastUsed.Unlock()
	if lastUsed.path != path {
		proc, err := procfs.NewFS(path)
		if err != nil {
			return procfs.FS{}, fact.Disbelieved(err) // it is no process that is not there
		}
		lastUsed.path, lastUsed.fs = path, proc
	}
	return lastUsed.fs, nil
}

// readStatus looks at the file itself where procfs cannot have read all of it: of a process
// whose IDs are missing procfs makes root. The line that counts namespaces stands behind the
// IDs, and the kernel writes all of it at once (single_open in fs/proc/base.c). It reads again
// what has the number 0, as a process has that is let go of meanwhile (task_state in
// fs/proc/array.c, __unhash_process in kernel/exit.c).
func (h *System) readStatus(pid int) (Status, error) {
	path := h.PidPath(pid, "status")
	var s procfs.ProcStatus
	var err error
	for range triesOfEnding {
		err = readBy(path, func() error {
			its, err := h.process(pid)
			if err == nil {
				s, err = its.NewStatus()
			}
			return err
		})
		if err != nil || s.TGID != 0 {
			break
		}
	}
	if err == nil && len(s.NSpids) == 0 {
		err = readProcFile(path, statusLimit, hasIDs)
	}
	if err != nil {
		return Status{}, err
	}
	status := Status{TGID: s.TGID, Namespaces: len(s.NSpids)}
	broken := s.TGID < 1 || s.TGID > fact.PIDMax
	for i := range status.UIDs {
		status.UIDs[i], status.GIDs[i] = int(s.UIDs[i]), int(s.GIDs[i])
		broken = broken || max(s.UIDs[i], s.GIDs[i]) > math.MaxUint32
	}
	if broken {
		return Status{}, damaged(path)
	}
	return status, nil
}

func hasIDs(status []byte) error {
	const ids = len(Status{}.UIDs)
	if len(status) == statusLimit || wordsOf(status, "Uid") != ids || wordsOf(status, "Gid") != ids {
		return errDamaged
	}
	return nil
}

// ourNamespaces counts those of ourselves, as Status has them: procfs would take all of
// status apart for it, a twentieth of what a check costs.
func (h *System) ourNamespaces() (count int, err error) {
	err = readProcFile(h.PidPath(os.Getpid(), "status"), statusLimit, func(content []byte) error {
		count = wordsOf(content, "NSpid")
		return nil
	})
	return count, err
}

// wordsOf counts the words of a line that is not the first; 0: there is no such line.
func wordsOf(status []byte, key string) int {
	_, rest, _ := bytes.Cut(status, []byte("\n"+key+":"))
	line, _, _ := bytes.Cut(rest, newline)
	return len(bytes.Fields(line))
}

var errDamaged = errors.New("it is damaged")

// ProcBuffers hold one file of /proc at a time: what is read of a process is many
// small files, of most of which a few words are kept.
var ProcBuffers = sync.Pool{New: func() any {
	buffer := make([]byte, 4096)
	return &buffer
}}

// readProcFile hands parse the content of a file, limit bytes of it at most, which it must
// not keep. It is os.ReadFile less its poller, which costs five further system calls for a
// file that has none of its events.
func readProcFile(path string, limit int, parse func(content []byte) error) error {
	fail := func(doing string, err error) error { return &fs.PathError{Op: doing, Path: path, Err: err} }
	fd, err := Confirmed(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return fail("open", err)
	}
	defer unix.Close(fd)
	buffer := ProcBuffers.Get().(*[]byte)
	defer ProcBuffers.Put(buffer)
	for size := 0; ; {
		n, err := Retried(func() (int, error) { return unix.Read(fd, (*buffer)[size:min(limit, len(*buffer))]) })
		if err != nil {
			return fail("read", err)
		}
		if size += n; n == 0 || size == limit {
			if err := parse((*buffer)[:size]); err != nil {
				return fail("parse", err)
			}
			return nil
		}
		if size == len(*buffer) {
			*buffer = append(*buffer, make([]byte, size)...)
		}
	}
}

// Confirmed is Retried, and asks twice whether something is not there: from that follows
// that nothing runs, or that nobody claims it.
func Confirmed(call func() (int, error)) (int, error) {
	n, err := Retried(call)
	if err == unix.ENOENT {
		return Retried(call)
	}
	return n, err
}

// Retried repeats a system call that a signal interrupted.
func Retried(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}

// longestLine is what is kept of a line of a table: mountinfo has several paths in one, of
// 4,096 bytes that may all be escaped as four (mangle_path in fs/seq_file.c).
const longestLine = 64 << 10

// readTable hands visit each line of a table of the kernel's (locks, sockets, mounts), which
// it must not keep: anybody may make one as long as he likes, so it is never held whole.
// Of a line that is longer than longestLine the rest is left out.
func readTable(path string, visit func(line []byte)) error {
	fail := func(doing string, err error) error { return &fs.PathError{Op: doing, Path: path, Err: err} }
	fd, err := Confirmed(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return fail("open", err)
	}
	defer unix.Close(fd)
	buffer, kept, skip := make([]byte, longestLine), 0, false
	for {
		n, err := Retried(func() (int, error) { return unix.Read(fd, buffer[kept:]) })
		if err != nil {
			return fail("read", fact.OfOpened(err))
		}
		text := buffer[:kept+n]
		for line, rest, whole := bytes.Cut(text, newline); whole; line, rest, whole = bytes.Cut(text, newline) {
			if !skip {
				visit(line)
			}
			text, skip = rest, false
		}
		if len(text) == len(buffer) || n == 0 { // it does not fit, or is the last
			if !skip && len(text) > 0 {
				visit(text)
			}
			text, skip = nil, true
		}
		if n == 0 {
			return nil
		}
		kept = copy(buffer, text)
	}
}

var newline = []byte("\n")
