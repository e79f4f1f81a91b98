package kernel

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// Entered is what was opened: who it is, and the mount that it was reached through.
type Entered struct {
	ID    fact.FileID
	Mount uint64 // 0: the kernel would not say
}

// mayEnter reports whether something that was opened below something else can be looked at
// without asking a server. Whoever owns a directory may mount a FUSE file system there at
// any moment, and a descriptor may lead into a mount tree of his own, where overlayfs on
// top of FUSE waits for the server as well: so it is asked of what was opened, never of a
// path, and what is of another tree has to be of that of the process in question (0: of
// none).
func (h *System) mayEnter(at, above Entered, pid int) error {
	switch {
	case at.Mount != 0 && (at.Mount == above.Mount || at.Mount == h.rootMount()):
		return nil
	case at.Mount == 0 && (at.ID.Dev == above.ID.Dev || at.ID.Dev == h.Trusted):
		return nil
	}
	mounts, err := h.mounted()
	if err != nil {
		return err
	}
	kind, found := typeOf(mounts, at)
	if !found { // mounted since
		if mounts, err = readMounts("/proc/self"); err != nil {
			return err
		}
		kind, found = typeOf(mounts, at)
	}
	switch {
	case found && at.ID.Dev == h.Trusted:
		return nil
	case found && served(kind):
		return fmt.Errorf("%w (%s)", fact.ErrMayHang, kind)
	case found, at.Mount == 0: // a subvolume of btrfs, if there are no mount numbers
		return nil
	case pid != 0:
		if mounts, err = h.mountsOf(pid); err != nil {
			return err
		}
		if kind, found = typeOf(mounts, at); found && !served(kind) {
			return nil
		}
	}
	// A chroot's table lacks the mount that its root directory is in: it is one of ours, of
	// another tree, if it has the device of one of ours.
	if mounts, err = h.mounted(); err != nil {
		return err
	}
	if kind, found = typeOf(mounts, Entered{ID: at.ID}); found && !served(kind) {
		return nil
	}
	return fmt.Errorf("%w (of another mount tree)", fact.ErrMayHang)
}

func typeOf(mounts []mount, at Entered) (fstype string, found bool) {
	for _, m := range mounts {
		if at.Mount != 0 && m.id == at.Mount || at.Mount == 0 && m.dev == at.ID.Dev {
			return m.fstype, true
		}
	}
	return "", false
}

// rootMount is that of our own root directory, which a chroot's table of mounts does not
// show.
func (h *System) rootMount() uint64 {
	h.rootOnce.Do(func() {
		if fd, err := Retried(func() (int, error) { return unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0) }); err == nil {
			_, h.root, _ = openedFile(fd)
			unix.Close(fd)
		}
	})
	return h.root
}

// OpenStep opens what has this name in a directory, or at a path where dir is AT_FDCWD,
// with O_PATH, and identifies it: no server is asked, no FIFO blocks.
func (h *System) OpenStep(dir int, name string, flags int, above Entered, pid int) (fd int, at Entered, err error) {
	fd, err = Confirmed(func() (int, error) { return unix.Openat(dir, name, flags|unix.O_PATH|unix.O_CLOEXEC, 0) })
	if err != nil {
		return -1, at, fact.OfPath(err)
	}
	if at.ID, at.Mount, err = openedFile(fd); err == nil {
		err = h.mayEnter(at, above, pid)
	}
	if err != nil {
		unix.Close(fd)
		return -1, at, err
	}
	return fd, at, nil
}

// Look is statx(2) of what lies at an absolute path in our own mount tree, which somebody
// else has chosen: step by step, so that he can lead us into no file system of his own,
// however fast he changes what lies there. Of links so many are followed, 0: none (ELOOP).
func (h *System) Look(path string, links, mask int) (unix.Statx_t, error) {
	if !filepath.IsAbs(path) {
		return unix.Statx_t{}, unix.ENOENT
	}
	fd, _, err := h.openInside("/", "/", path, links, 0, way{})
	if err != nil {
		return unix.Statx_t{}, err
	}
	defer unix.Close(fd)
	return StatxAt(fd, "", unix.AT_EMPTY_PATH, mask)
}

// LookFor is Look as a fact: who it is.
func (h *System) LookFor(path string, links int) fact.Fact[fact.FileID] {
	if !filepath.IsAbs(path) {
		return fact.Failed[fact.FileID](unix.ENOENT)
	}
	fd, at, err := h.openInside("/", "/", path, links, 0, way{})
	if err != nil {
		return fact.Failed[fact.FileID](err)
	}
	unix.Close(fd)
	return fact.Of(at.ID)
}

// Leads reports that a path, which somebody else has chosen, leads a process by so many links
// at most to this name in this directory, whether or not anything lies there today. What can be
// looked at only by asking a server that may not answer is another; a directory that root may not
// look into on the way is not known.
func (h *System) Leads(e fact.Evidence, path string, links int, dir fact.FileID, name string) fact.Fact[bool] {
	led, reached := false, false
	var err error
	reach := func(in fact.FileID, last string) { led, reached = led || in == dir && last == name, true }
	againErr := h.lookAgain(e.PID, func(proc string) (nothing bool) {
		root, from, pid := "/", "/", 0
		if e.Tree == fact.OtherPlace {
			root, from, pid = filepath.Join(proc, "root"), filepath.Join(proc, "root"), e.PID
		}
		if !filepath.IsAbs(path) {
			from, pid = filepath.Join(proc, "cwd"), e.PID
		}
		var fd int
		if fd, _, err = h.openInside(root, from, path, links, pid, way{reach: reach}); err == nil {
			unix.Close(fd)
		}
		return !led && !filepath.IsAbs(path) && fact.Vanished(err)
	})
	switch err = cmp.Or(againErr, err); {
	case led:
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() == 0 && !reached, fact.Unforeseen(err) != nil && !errors.Is(err, fact.ErrMayHang):
		return fact.Failed[bool](err)
	}
	return fact.Of(led)
}

// lookInside identifies what a process with this root finds at a path from the directory
// from, link by link.
func (h *System) lookInside(root, from, path string, pid int) (file fact.FileID, regular bool, err error) {
	fd, at, err := h.openInside(root, from, path, MaxLinks, pid, way{})
	if err != nil {
		return file, false, err
	}
	defer unix.Close(fd)
	st, err := StatxAt(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE|unix.STATX_MODE|unix.STATX_INO)
	return at.ID, err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG, err
}

// OnlyRootLeads reports that nobody but root can change what lies at an absolute path: then
// it may be opened as often as one likes.
func (h *System) OnlyRootLeads(path string) bool {
	if !filepath.IsAbs(path) {
		return false
	}
	fd, _, err := h.openInside("/", "/", path, MaxLinks, 0, way{may: func(fd int) error {
		st, err := StatxAt(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE|unix.STATX_MODE|unix.STATX_UID)
		if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG && (st.Uid != 0 || st.Mode&unix.S_IFMT == unix.S_IFDIR && st.Mode&0o022 != 0) {
			err = unix.EPERM
		}
		return err
	}})
	if err == nil {
		unix.Close(fd)
	}
	return err == nil
}

// longestWay is how many steps of a path are taken that somebody else has chosen, links and
// what they lead to included. There is room for two thousand in one (PATH_MAX), of which each
// takes ten microseconds, and for as many paths as he has processes. No daemon's is that long.
const longestWay = 64

// way is what is asked on the way to what lies at a path; nil: nothing.
type way struct {
	may   func(fd int) error                // of each step
	reach func(in fact.FileID, name string) // of the last, of the path and of each link, before it is made
}

// openInside opens what lies at a path for a process with this root, from the directory
// from, link by link, of which it follows so many. A
// path of more steps than longestWay is too long (ENAMETOOLONG).
func (h *System) openInside(root, from, path string, most, pid int, ask way) (fd int, found Entered, err error) {
	if strings.Count(path, "/") > longestWay {
		return -1, found, unix.ENAMETOOLONG
	}
	top, topAt, err := h.OpenStep(unix.AT_FDCWD, root, unix.O_DIRECTORY, Entered{}, pid)
	if err != nil {
		return -1, found, err
	}
	defer unix.Close(top)
	fd, found, err = h.OpenStep(unix.AT_FDCWD, from, unix.O_DIRECTORY, topAt, pid)
	if err != nil {
		return -1, found, err
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	todo := strings.Split(path, "/")
	for links, steps := 0, 0; len(todo) > 0; {
		if steps+len(todo) > longestWay {
			return fd, found, unix.ENAMETOOLONG
		}
		name := todo[0]
		todo = todo[1:]
		if name == "" || name == "." || name == ".." && found.ID == topAt.ID {
			continue
		}
		steps++
		if ask.reach != nil && len(todo) == 0 {
			ask.reach(found.ID, name)
		}
		next, at, stepErr := h.OpenStep(fd, name, unix.O_NOFOLLOW, found, pid)
		if stepErr == nil && ask.may != nil {
			if stepErr = ask.may(next); stepErr != nil {
				unix.Close(next)
			}
		}
		if stepErr != nil {
			return fd, found, stepErr
		}
		target, linkErr := ReadOpenedLink(next)
		switch isLink := linkErr == nil; {
		case isLink:
			unix.Close(next)
			if links++; links > most {
				return fd, found, unix.ELOOP
			}
			todo = append(strings.Split(target, "/"), todo...)
			if !filepath.IsAbs(target) {
				continue
			}
			if next, at, err = h.OpenStep(top, ".", unix.O_DIRECTORY, topAt, pid); err != nil {
				return fd, found, err
			}
		case !errors.Is(linkErr, unix.ENOENT) && !errors.Is(linkErr, unix.EINVAL): // what it says of no link
			unix.Close(next)
			return fd, found, linkErr
		}
		unix.Close(fd)
		fd, found = next, at
	}
	return fd, found, nil
}
