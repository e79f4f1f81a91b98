package kernel

import (
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// eachDescriptor visits the descriptors of a process by the names that they have in its
// directory fd in /proc, until that has had enough: anybody may have as many as he likes, so
// they are never held all.
func eachDescriptor(dir string, visit func(name string) (more bool)) error {
	path := filepath.Join(dir, "fd")
	fd, err := Confirmed(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	entries := make([]byte, 32<<10)
	for more := true; more; {
		n, err := Retried(func() (int, error) { return unix.ReadDirent(fd, entries) })
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
