package kernel

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// eachName visits the names in a directory of a process in /proc, of its descriptors (fd) or
// its threads (task), until that has had enough: anybody may have as many as he likes, so
// they are never held all.
func eachName(path string, visit func(name string) (more bool)) error {
	return eachNameBy(unix.ReadDirent, path, visit)
}

// eachNameOf is eachName of what a process has, which somebody may keep from being listed; then it is the error untold. Only
// the listing is waited for so: there may be many, and each takes its time.
func (h *System) eachNameOf(pid int, path string, untold error, visit func(name string) (more bool)) error {
	type listed struct {
		n   int
		err error
	}
	err := eachNameBy(func(fd int, entries []byte) (int, error) {
		l, told := inTime(h, pid, func() (l listed) {
			l.n, l.err = unix.ReadDirent(fd, entries)
			return l
		})
		if !told {
			return 0, untold
		}
		return l.n, l.err
	}, path, visit)
	if errors.Is(err, untold) {
		return untold
	}
	return err
}

func eachNameBy(readDirent func(fd int, entries []byte) (int, error), path string, visit func(name string) (more bool)) error {
	fd, err := Confirmed(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	entries := make([]byte, 4096) // for each of thousands of processes; most have a handful
	for more := true; more; {
		n, err := Retried(func() (int, error) { return readDirent(fd, entries) })
		if err != nil {
			return &fs.PathError{Op: "read", Path: path, Err: err}
		}
		if n <= 0 {
			return nil
		}
		EachName(entries[:n], func(name []byte, _ byte) { more = more && visit(string(name)) })
	}
	return nil
}
