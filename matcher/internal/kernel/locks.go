package kernel

import (
	"bufio"
	"bytes"
	"path/filepath"
	"slices"
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

// parseLocks reads /proc/locks. Lines such as
//
//	1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF
//	2: -> POSIX  ADVISORY  WRITE 3770 fd:00:2531452 0 EOF
//
// hold device numbers in hexadecimal and the inode in decimal; `->` marks one
// who waits for a lock, and is left out. Lines of another form are left out.
func parseLocks(content []byte) []fileLock {
	var out []fileLock
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 6 || f[1] == "->" {
			continue
		}
		pid, err := strconv.Atoi(f[4])
		if err != nil {
			continue
		}
		parts := strings.Split(f[5], ":")
		if len(parts) != 3 {
			continue
		}
		major, err1 := strconv.ParseUint(parts[0], 16, 32)
		minor, err2 := strconv.ParseUint(parts[1], 16, 32)
		ino, err3 := strconv.ParseUint(parts[2], 10, 64)
		if err1 != nil || err2 != nil || err3 != nil {
			continue
		}
		out = append(out, fileLock{pid, fact.FileID{Dev: unix.Mkdev(uint32(major), uint32(minor)), Ino: ino}})
	}
	return out
}

// HoldsLock reports whether pid holds a flock(2) or fcntl(2) lock on file.
func (h *System) HoldsLock(pid int, file fact.FileID) fact.Fact[bool] {
	path := filepath.Join(h.Proc, "locks")
	h.Doing("reading %s", path)
	const limit = 64 << 20
	var holds bool
	err := readProcFile(path, limit, func(content []byte) error {
		holds = slices.ContainsFunc(parseLocks(content), func(l fileLock) bool { return l.PID == pid && l.File == file })
		return nil
	})
	if err != nil {
		return fact.Failed[bool](err)
	}
	return fact.Of(holds)
}
