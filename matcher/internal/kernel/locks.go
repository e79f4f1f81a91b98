package kernel

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// fileLock is one held lock of /proc/locks (proc_locks(5)).
type fileLock struct {
	PID  int // -1 for an open file description lock
	File fact.FileID
}

// parseLock reads a line of /proc/locks, and of /proc/PID/fdinfo/FD after "lock:": procfs
// has neither. Lines such as
//
//	1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF
//	2: -> POSIX  ADVISORY  WRITE 3770 fd:00:2531452 0 EOF
//
// hold device numbers in hexadecimal and the inode in decimal; `->` marks one
// who waits for a lock, and is left out. Lines of another form are left out.
func parseLock(line []byte) (l fileLock, held bool) {
	f := strings.Fields(string(line))
	if len(f) < 6 || f[1] == "->" {
		return l, false
	}
	parts := strings.Split(f[5], ":")
	if len(parts) != 3 {
		return l, false
	}
	pid, err := strconv.Atoi(f[4])
	major, err1 := strconv.ParseUint(parts[0], 16, 32)
	minor, err2 := strconv.ParseUint(parts[1], 16, 32)
	ino, err3 := strconv.ParseUint(parts[2], 10, 64)
	return fileLock{pid, fact.FileID{Dev: unix.Mkdev(uint32(major), uint32(minor)), Ino: ino}},
		err == nil && err1 == nil && err2 == nil && err3 == nil
}

// HoldsLock reports whether pid holds a flock(2) or fcntl(2) lock on file. Its own
// descriptors tell that (proc_pid_fdinfo(5)), where they may be read; the table of all
// locks is as long as anybody likes, and the kernel begins it anew for each page.
func (h *System) HoldsLock(pid int, file fact.FileID) fact.Fact[bool] {
	if !h.Still {
		holds, told, err := h.descriptorsLock(pid, file)
		if told || err != nil && !errors.Is(err, fs.ErrPermission) {
			return outcome(holds, err)
		}
	}
	path := filepath.Join(h.Proc, "locks")
	h.Doing("reading %s", path)
	holds := false
	err := readTable(path, func(line []byte) {
		l, held := parseLock(line)
		holds = holds || held && l.PID == pid && l.File == file
	})
	return outcome(holds, err)
}

// locksAsked is of how many descriptors of one file it is asked whether they lock it: who
// locks his pidfile has it open once or twice, and anybody may open it as often as he likes.
const locksAsked = 64

var errOpenOften = errors.New("it has the pidfile open too often")

// descriptorsLock asks the descriptors of a process that have the file open: without one
// nobody holds a lock on it. It is not told by a kernel before Linux 4.1.
func (h *System) descriptorsLock(pid int, file fact.FileID) (holds, told bool, err error) {
	againErr := h.lookAgain(pid, func(dir string) (nothing bool) {
		h.Doing("reading %s/fd", dir)
		nothing, told = true, true
		count, asked, lookErr := 0, 0, error(nil)
		err = eachName(dir+"/fd", func(name string) (more bool) {
			nothing = false
			if count++; count > descriptorsOfProcess {
				lookErr = fact.ErrManyDescriptors
				return false
			}
			its := Identify(dir + "/fd/" + name)
			if lookErr = fact.Unforeseen(its.Err); lookErr != nil || its.State != fact.Known || its.Value != file {
				return lookErr == nil
			}
			if asked++; asked > locksAsked {
				lookErr = errOpenOften
				return false
			}
			holds, lookErr = holdsLock(dir+"/fdinfo/"+name, pid, file)
			told = holds || tellsLocks()
			return !holds && lookErr == nil
		})
		err = cmp.Or(err, lookErr)
		return nothing && err == nil || fact.Vanished(err)
	})
	if err = cmp.Or(err, againErr); err != nil {
		return false, false, err
	}
	return holds, told, nil
}

// holdsLock reads what is told of one descriptor: nothing, if it was closed since.
func holdsLock(path string, pid int, file fact.FileID) (holds bool, err error) {
	err = readTable(path, func(line []byte) {
		if lock, is := bytes.CutPrefix(line, []byte("lock:")); is {
			l, held := parseLock(lock)
			holds = holds || held && l.PID == pid && l.File == file
		}
	})
	if fact.Vanished(err) {
		err = nil
	}
	return holds, err
}

// tellsLocks: Linux 4.1 and later show locks in fdinfo.
func tellsLocks() bool {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return false
	}
	var major, minor int
	n, _ := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor)
	return n == 2 && (major > 4 || major == 4 && minor >= 1)
}

func outcome(holds bool, err error) fact.Fact[bool] {
	if err != nil {
		return fact.Failed[bool](err)
	}
	return fact.Of(holds)
}
