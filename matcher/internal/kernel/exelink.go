package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// readExe reads /proc/PID/exe once: both the name and the identity come from
// one open file, so that an exec in between cannot mix two programs
// (CVE-2024-48991 came from reading it twice). procfs has "" for one that is not there.
func (h *System) readExe(dir string) fact.Fact[fact.Exe] {
	path := filepath.Join(dir, "exe")
	h.Doing("reading %s", path)
	fd, err := Retried(func() (int, error) { return unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0) })
	if h.Still && fact.Vanished(err) {
		link, linkErr := os.Readlink(path)
		if linkErr != nil {
			return fact.Failed[fact.Exe](linkErr)
		}
		return fact.Of(fact.Exe{Link: link})
	}
	if err != nil {
		return fact.Failed[fact.Exe](err)
	}
	defer unix.Close(fd)
	var x fact.Exe
	switch x.Link, err = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); {
	case errors.Is(err, unix.ENAMETOOLONG):
		// Directories can be nested so deep that the kernel has no room for the path. The
		// daemon's was given to the kernel in one piece, so it is another.
		x.Link = fmt.Sprintf("(a path of more than %d bytes)", fact.PathMax)
	case err != nil:
		return fact.Failed[fact.Exe](fact.Disbelieved(err)) // it is our own descriptor
	}
	if x.ID, x.Mount, err = openedFile(fd); err != nil {
		x.ID, x.IDErr = fact.FileID{}, fmt.Errorf("statx of what was opened: %w", err)
	}
	if strings.HasSuffix(x.Link, fact.Deleted) && x.ID.Known() {
		now := h.LookFor(x.Link, 0)
		if err := fact.Unforeseen(now.Err); err != nil && !errors.Is(err, fact.ErrMayHang) {
			return fact.Failed[fact.Exe](err)
		}
		x.Literal = now.State == fact.Known && now.Value == x.ID
	}
	return fact.Of(x)
}

// RunningFile reads whose the file is that a process runs, and whether it was changed
// (its ctime) since the process started.
func (h *System) RunningFile(e fact.Evidence) fact.Fact[fact.RunningFile] {
	if h.Still && !e.Exe.Value.ID.Known() {
		return fact.Of(fact.RunningFile{Changed: true})
	}
	var file fact.Fact[fact.RunningFile]
	if err := h.lookAgain(e.PID, func(dir string) (nothing bool) {
		file = h.runningFile(e, dir)
		return file.State == fact.Absent
	}); err != nil {
		return fact.Failed[fact.RunningFile](err)
	}
	return file
}

func (h *System) runningFile(e fact.Evidence, dir string) fact.Fact[fact.RunningFile] {
	path := dir + "/exe"
	file := Identify(path)
	if file.State == fact.Known { // the server of another may not answer
		file.Err = h.mayEnter(Entered{file.Value, e.Exe.Value.Mount}, Entered{}, e.PID)
	}
	if file.Err != nil {
		return fact.Failed[fact.RunningFile](file.Err)
	}
	st, err := StatxAt(unix.AT_FDCWD, path, 0, unix.STATX_MODE|unix.STATX_UID|unix.STATX_CTIME|unix.STATX_MTIME|unix.STATX_ATIME)
	if err != nil {
		return fact.Failed[fact.RunningFile](err)
	}
	changed, modified, read := TimeOf(st.Ctime), TimeOf(st.Mtime), TimeOf(st.Atime)
	directory := ReadLink(dir + "/cwd")
	if err := fact.Unforeseen(directory.Err); err != nil {
		return fact.Failed[fact.RunningFile](err)
	}
	return fact.Of(fact.RunningFile{
		Owner: int(st.Uid), Setuid: st.Mode&unix.S_ISUID != 0,
		Changed: changedSince(e.Started, changed, modified, read, e.Forked), Directory: directory.Value,
	})
}

// changedSince reports that a file was changed after a process was started from it, but not
// written, which execve(2) forbids from then on (ETXTBSY). The process started within two
// ticks, in which the file may have been made as well: then its content is as new, and a
// rename(2) came later. Or its mode was set, and it tells when the file was read, as
// execve(2) does, and whether that was before. All of these are times of a coarse clock, so
// that equal ones leave it open: then it was; and so that they are up to a jiffy older than
// the start, which is not. A fork has executed nothing.
func changedSince(started, changed, modified, read time.Time, forked bool) bool {
	const ticks = 2 * time.Second / UserHZ // that of its start, and that to which it was rounded down
	const jiffy = time.Second / UserHZ     // at most (CONFIG_HZ_100)
	return changed.After(started.Add(ticks)) ||
		!changed.Before(started.Add(-jiffy)) && changed.After(modified) && (forked || !changed.Before(read) && !read.Before(started.Add(-jiffy)))
}

func TimeOf(t unix.StatxTimestamp) time.Time { return time.Unix(t.Sec, int64(t.Nsec)) }
