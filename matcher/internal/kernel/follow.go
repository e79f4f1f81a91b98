package kernel

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// MaxLinks is the kernel's own limit (path_resolution(7)).
const MaxLinks = 40

// errUnsafeLink: a final symbolic link that an unprivileged user owns.
var errUnsafeLink = errors.New("it is a symbolic link of an unprivileged user")

// OpenFollowing walks path component by component and opens its end with
// O_PATH: nothing is opened for reading yet, so no FIFO blocks and no device
// notices. It follows symbolic links itself, to see who owns them, and refuses
// a final one that belongs neither to root nor to us.
func OpenFollowing(path string) (fd int, linkOwners []int, err error) {
	return openFollowing(path, func(fd int, above Entered) (Entered, error) { return above, nil })
}

// OpenEntering is OpenFollowing of a path on which somebody may mount a file system at any
// moment: none that may not answer is entered (fact.ErrMayHang).
func (h *System) OpenEntering(path string) (fd int, linkOwners []int, err error) {
	return openFollowing(path, func(fd int, above Entered) (at Entered, err error) {
		if at.ID, at.Mount, err = openedFile(fd); err == nil {
			err = h.mayEnter(at, above, 0)
		}
		return at, err
	})
}

// openFollowing asks enter of each step, above being the one before.
func openFollowing(path string, enter func(fd int, above Entered) (Entered, error)) (fd int, linkOwners []int, err error) {
	todo := strings.Split(path, "/")
	start := "."
	if filepath.IsAbs(path) {
		start = "/"
	}
	const flags = unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC
	open := func(path string) (int, error) {
		fd, err := Confirmed(func() (int, error) { return unix.Open(path, flags|unix.O_DIRECTORY, 0) })
		return fd, fact.OfOpened(err) // where a path begins is there, or the pidfile would be absent
	}
	dir, err := open(start)
	if err != nil {
		return -1, nil, err
	}
	var at Entered
	for links := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		if name == "" || name == "." {
			continue
		}
		above := at
		next, st, now, err := stepInto(dir, name, unix.O_NOFOLLOW, above, enter)
		if err != nil {
			unix.Close(dir)
			return -1, nil, err
		}
		at = now
		if st.Mode&unix.S_IFMT != unix.S_IFLNK {
			unix.Close(dir)
			dir = next
			continue
		}
		final := strings.Trim(strings.Join(todo, "/"), "/.") == ""
		magic, magicErr := isMagic(next)
		target, err := followed(next, st.Uid, final, links)
		err = cmp.Or(err, magicErr)
		if links++; err != nil {
			unix.Close(dir)
			return -1, nil, err
		}
		if st.Uid != 0 {
			linkOwners = append(linkOwners, int(st.Uid))
		}
		if magic {
			if next, _, at, err = stepInto(dir, name, 0, above, enter); err != nil {
				unix.Close(dir)
				return -1, nil, err
			}
			unix.Close(dir)
			dir = next
			continue
		}
		at = above
		if filepath.IsAbs(target) {
			at = Entered{}
			unix.Close(dir)
			if dir, err = open("/"); err != nil {
				return -1, nil, err
			}
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	if strings.HasSuffix(path, "/") {
		var st unix.Stat_t
		if err := unix.Fstat(dir, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
			unix.Close(dir)
			return -1, nil, unix.ENOTDIR
		}
	}
	return dir, linkOwners, nil
}

// isMagic reports that a link which was opened leads where its text does not: /proc/self/fd/0,
// to which /dev/stdin leads, may be a pipe, or a file that has no path any more (proc_pid_fd(5)).
func isMagic(link int) (bool, error) {
	var fs unix.Statfs_t
	_, err := Retried(func() (int, error) { return 0, unix.Fstatfs(link, &fs) })
	switch err {
	case nil:
		return fs.Type == unix.PROC_SUPER_MAGIC, nil
	case unix.EPERM, unix.ENOSYS: // a seccomp filter's
		return false, nil
	}
	return false, fmt.Errorf("fstatfs of a link: %v", err) // whatever it says, it was there
}

// stepInto opens what has this name in a directory, with O_PATH, and asks enter of it.
func stepInto(dir int, name string, nofollow int, above Entered, enter func(fd int, above Entered) (Entered, error)) (fd int, st unix.Stat_t, at Entered, err error) {
	fd, err = Confirmed(func() (int, error) {
		return unix.Openat(dir, name, unix.O_PATH|nofollow|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return -1, st, at, err
	}
	if at, err = enter(fd, above); err == nil {
		if statErr := unix.Fstat(fd, &st); statErr != nil {
			err = fmt.Errorf("fstat of what was opened: %v", statErr) // whatever it says, it was there
		}
	}
	if err != nil {
		unix.Close(fd)
	}
	return fd, st, at, err
}

// followed is where a link leads that was opened, and closes it: so many were followed
// before, and it is the last of the path or not.
func followed(fd int, owner uint32, final bool, links int) (target string, err error) {
	defer unix.Close(fd)
	switch target, err = ReadOpenedLink(fd); {
	case err != nil:
		return "", err
	case links >= MaxLinks:
		return "", unix.ELOOP
	case final && owner != 0 && int(owner) != os.Geteuid():
		return "", fmt.Errorf("%w (uid %d)", errUnsafeLink, owner)
	}
	return target, nil
}

// ReadOpenedLink reads the symbolic link that was opened with O_PATH. In the frame of each
// caller the buffer would make the stack grow once more, for every question.
func ReadOpenedLink(fd int) (string, error) {
	buffer := ProcBuffers.Get().(*[]byte)
	defer ProcBuffers.Put(buffer)
	target := (*buffer)[:unix.PathMax]
	n, err := Retried(func() (int, error) { return unix.Readlinkat(fd, "", target) })
	if err != nil {
		return "", err
	}
	return string(target[:n]), nil
}
