package matcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// readExe reads /proc/PID/exe once: both the name and the identity come from
// one open file, so that an exec in between cannot mix two programs
// (CVE-2024-48991 came from reading it twice).
func (h *system) readExe(dir string) Fact[Exe] {
	path := filepath.Join(dir, "exe")
	h.doing("reading %s", path)
	fd, err := retried(func() (int, error) { return unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0) })
	if h.still && vanished(err) {
		link, linkErr := os.Readlink(path)
		if linkErr != nil {
			return failed[Exe](linkErr)
		}
		return known(Exe{Link: link})
	}
	if err != nil {
		return failed[Exe](err)
	}
	defer unix.Close(fd)
	var x Exe
	switch x.Link, err = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); {
	case errors.Is(err, unix.ENAMETOOLONG):
		// Directories can be nested so deep that the kernel has no room for the path. The
		// daemon's was given to the kernel in one piece, so it is another.
		x.Link = fmt.Sprintf("(a path of more than %d bytes)", pathMax)
	case err != nil:
		return failed[Exe](err)
	}
	if x.ID, x.mount, err = openedFile(fd); err != nil {
		x.ID, x.IDErr = FileID{}, fmt.Errorf("statx of what was opened: %v", err) // whatever it says, it was there
	}
	if strings.HasSuffix(x.Link, deleted) && x.ID.Known() {
		if _, err := h.served(); err != nil {
			return failed[Exe](err)
		}
		if _, mayHang := h.mayHang(x.Link); !mayHang {
			now := realPathOnly(x.Link)
			if err := unforeseen(now.Err); err != nil {
				return failed[Exe](err)
			}
			x.Literal = now.State == Known && now.Value == x.ID
		}
	}
	return known(x)
}

// runningFile reads whose the file is that a process runs, and whether it was changed
// (its ctime) since the process started.
func (h *system) runningFile(e Evidence) Fact[RunningFile] {
	if h.still && !e.Exe.Value.ID.Known() {
		return known(RunningFile{Changed: true})
	}
	path := h.pidPath(e.PID, "exe")
	file := identify(path)
	if file.State == Known { // the server of another may not answer
		file.Err = h.mayEnter(file.Value.Dev, 0)
	}
	if file.Err != nil {
		return failed[RunningFile](file.Err)
	}
	st, err := statxAt(unix.AT_FDCWD, path, 0, unix.STATX_UID|unix.STATX_CTIME|unix.STATX_ATIME)
	if err != nil {
		return failed[RunningFile](err)
	}
	changed, read := timeOf(st.Ctime), timeOf(st.Atime)
	directory := readLink(h.pidPath(e.PID, "cwd"))
	if err := unforeseen(directory.Err); err != nil {
		return failed[RunningFile](err)
	}
	return known(RunningFile{Owner: int(st.Uid), Changed: changedSince(e.Started, changed, read, e.Forked), Directory: directory.Value})
}

// changedSince reports that a file was changed after a process was started from it. The
// process started within a tick, in which the file may have been made as well; then it
// tells when the file was read, as execve(2) does, and whether that was before. Both times
// are those of a coarse clock, so that equal ones leave it open: then it was. A fork has
// executed nothing.
func changedSince(started, changed, read time.Time, forked bool) bool {
	const tick = time.Second / userHZ
	return changed.After(started.Add(tick)) ||
		!changed.Before(started) && (forked || !changed.Before(read) && !read.Before(started))
}

func timeOf(t unix.StatxTimestamp) time.Time { return time.Unix(t.Sec, int64(t.Nsec)) }
