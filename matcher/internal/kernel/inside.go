package kernel

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// mayEnter reports whether a file, of this device and below a directory of that one, can
// be looked at without asking a server. Whoever owns a directory may mount a FUSE file
// system there at any moment, so it is asked of what was opened, never of a path.
func (h *System) mayEnter(dev, above uint64) error {
	if dev == above || dev == h.Trusted {
		return nil
	}
	mounts, err := h.mounted()
	if err != nil {
		return err
	}
	kind, found := typeOf(mounts, dev)
	if !found { // mounted since, or a subvolume of btrfs
		if mounts, err = readMounts("/proc", "self"); err != nil {
			return err
		}
		kind, found = typeOf(mounts, dev)
	}
	if found && served(kind) {
		return fmt.Errorf("%w (%s)", fact.ErrMayHang, kind)
	}
	return nil
}

func typeOf(mounts []mount, dev uint64) (fstype string, found bool) {
	for _, m := range mounts {
		if m.dev == dev {
			return m.fstype, true
		}
	}
	return "", false
}

// OpenStep opens what has this name in a directory, or at a path where dir is AT_FDCWD,
// with O_PATH, and identifies it: no server is asked, no FIFO blocks.
func (h *System) OpenStep(dir int, name string, flags int, above uint64) (fd int, id fact.FileID, err error) {
	fd, err = Retried(func() (int, error) { return unix.Openat(dir, name, flags|unix.O_PATH|unix.O_CLOEXEC, 0) })
	if err != nil {
		return -1, id, err
	}
	if id, _, err = openedFile(fd); err == nil {
		err = h.mayEnter(id.Dev, above)
	}
	if err != nil {
		unix.Close(fd)
		return -1, id, err
	}
	return fd, id, nil
}

// lookInside identifies what a process with this root finds at a path from the directory
// from, link by link.
func (h *System) lookInside(root, from, path string) (file fact.FileID, regular bool, err error) {
	top, topID, err := h.OpenStep(unix.AT_FDCWD, root, unix.O_DIRECTORY, 0)
	if err != nil {
		return file, false, err
	}
	defer unix.Close(top)
	at, id, err := h.OpenStep(unix.AT_FDCWD, from, unix.O_DIRECTORY, topID.Dev)
	if err != nil {
		return file, false, err
	}
	defer func() { unix.Close(at) }()
	todo := strings.Split(path, "/")
	for links := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		if name == "" || name == "." || name == ".." && id == topID {
			continue
		}
		next, nextID, err := h.OpenStep(at, name, unix.O_NOFOLLOW, id.Dev)
		if err != nil {
			return file, false, err
		}
		target, err := ReadOpenedLink(next)
		switch isLink := err == nil; {
		case isLink:
			unix.Close(next)
			if links++; links > maxLinks {
				return file, false, unix.ELOOP
			}
			todo = append(strings.Split(target, "/"), todo...)
			if !filepath.IsAbs(target) {
				continue
			}
			if next, nextID, err = h.OpenStep(top, ".", unix.O_DIRECTORY, topID.Dev); err != nil {
				return file, false, err
			}
		case !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL): // what it says of no link
			unix.Close(next)
			return file, false, err
		}
		unix.Close(at)
		at, id = next, nextID
	}
	st, err := StatxAt(at, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE|unix.STATX_MODE|unix.STATX_INO)
	return id, err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG, err
}
