package kernel

import (
	"bytes"
	"errors"
	"io/fs"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// These three files are read here and not by github.com/prometheus/procfs, which
// compiles its regular expressions at start-up: that alone is a fifth of what a
// check costs (make bench). The tests hold these readers to it.

// Stat is /proc/PID/stat, as far as it is used (proc_pid_stat(5)).
type Stat struct {
	Comm, State          string
	PPID, Group, Session int
	Flags                uint64 // PF_* of include/linux/sched.h
	Threads              int
	Start                uint64 // in ticks since boot, see userHZ
}

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
	statLimit = 4096
	// status has a line of all supplementary groups, 65,536 of up to eleven bytes
	// (NGROUPS_MAX of include/uapi/linux/limits.h), before the one that counts namespaces.
	statusLimit = 1 << 20
	// cmdline is as long as a process says (prctl(2), PR_SET_MM_MAP), terabytes. The rules
	// want a program's name and its script, which a JVM has behind a long class path.
	argvLimit = 64 << 10
	// All of it may be empty words, each of which is kept as sixteen bytes.
	argvWords = 4096
)

func (h *System) ReadStat(pid int) (Stat, error) { return readStatFile(h.PidPath(pid, "stat")) }

// readStatFile reads again what has no threads: of a zombie one is counted, so this one
// was let go of while the kernel wrote its line, and another thread may have taken
// its place (do_task_stat in fs/proc/array.c, de_thread in fs/exec.c).
func readStatFile(path string) (s Stat, err error) {
	const tries = 20
	for range tries {
		err = readProcFile(path, statLimit, func(content []byte) error {
			s, err = parseStat(content)
			return err
		})
		if err != nil || s.Threads > 0 {
			break
		}
	}
	return s, err
}

func (h *System) ReadStatus(pid int) (s Status, err error) {
	err = readProcFile(h.PidPath(pid, "status"), statusLimit, func(content []byte) error {
		s, err = parseStatus(content)
		return err
	})
	return s, err
}

// parseStat counts from the last parenthesis: a name may hold any byte.
func parseStat(content []byte) (s Stat, err error) {
	from, to := bytes.IndexByte(content, '('), bytes.LastIndexByte(content, ')')
	if from < 0 || to < from {
		return s, errDamaged
	}
	s.Comm = string(content[from+1 : to])
	const last = 22
	field := 2 // as the manual counts them; the name was the second
	for word := range bytes.FieldsSeq(content[to+1:]) {
		switch field++; field {
		case 3:
			s.State = string(word)
		case 4:
			s.PPID, err = strconv.Atoi(string(word))
		case 5:
			s.Group, err = strconv.Atoi(string(word))
		case 6:
			s.Session, err = strconv.Atoi(string(word))
		case 9:
			s.Flags, err = strconv.ParseUint(string(word), 10, 64)
		case 20:
			s.Threads, err = strconv.Atoi(string(word))
		case last:
			s.Start, err = strconv.ParseUint(string(word), 10, 64)
		}
		if err != nil || field == last {
			break
		}
	}
	if err != nil || field < last || len(s.State) != 1 {
		return Stat{}, errDamaged
	}
	return s, nil
}

func parseStatus(content []byte) (s Status, err error) {
	var uids, gids int
	for line := range bytes.Lines(content) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		switch string(key) {
		case "Tgid":
			var number uint64
			number, err = strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
			s.TGID = int(number)
		case "Uid":
			uids, err = numbers(value, s.UIDs[:])
		case "Gid":
			gids, err = numbers(value, s.GIDs[:])
		case "NSpid":
			s.Namespaces, err = numbers(value, nil)
		}
		if err != nil {
			return Status{}, errDamaged
		}
	}
	if uids != len(s.UIDs) || gids != len(s.GIDs) {
		return Status{}, errDamaged
	}
	return s, nil
}

// numbers counts those of a line, and keeps as many of them as list has room for.
func numbers(value []byte, list []int) (count int, err error) {
	for word := range bytes.FieldsSeq(value) {
		n, err := strconv.ParseUint(string(word), 10, 32)
		if err != nil {
			return count, err
		}
		if count < len(list) {
			list[count] = int(n)
		}
		count++
	}
	return count, nil
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
