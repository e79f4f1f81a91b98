package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/shellvars"
	"pidproof/matcher/host"
)

// patience is how long others may hold the directory's lock: whoever may read it
// can take that for ever, flock(2).
const patience = 5 * time.Second

// directory is one of registrations, which nobody else can write.
type directory struct {
	path string
	root *os.Root
	list *os.File // the same directory, to be listed and locked
}

// answers is an error where a link leads to a file system whose server may not answer:
// a registration is not worth a hang of every command.
func answers(path string) error {
	if st, err := os.Lstat(path); err != nil || st.Mode().Type() != fs.ModeSymlink {
		return nil
	}
	if where, mayHang := host.MayHang(path); mayHang {
		return fmt.Errorf("%s leads to %s, which may not answer: put it on a local disk", path, where)
	}
	return nil
}

// open opens it. Absent is fs.ErrNotExist, and a link that leads nowhere is not.
func open(path string) (*directory, error) {
	if err := answers(path); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if errors.Is(err, fs.ErrNotExist) {
		target, err := os.Readlink(path)
		switch {
		case err == nil:
			return nil, fmt.Errorf("%s is a symbolic link to %s, which does not exist: make that directory, or remove the link", path, target)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	list, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, shellvars.NotAbsent(path, err)
	}
	d := &directory{path, root, list}
	st, err := list.Stat()
	if err == nil {
		err = shellvars.Trusted(path, st)
	}
	if err != nil {
		d.close()
		return nil, shellvars.NotAbsent(path, err)
	}
	return d, nil
}

// openLocked keeps other registering and unregistering out until close.
func openLocked(path string) (*directory, error) {
	d, err := open(path)
	if err != nil {
		return nil, err
	}
	for until := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		err = unix.Flock(int(d.list.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return d, nil
		}
		if err != unix.EINTR && err != unix.EWOULDBLOCK || time.Now().After(until) {
			break
		}
	}
	d.close()
	if err == unix.EWOULDBLOCK {
		return nil, fmt.Errorf("%s is locked for more than %v: find out by whom (lslocks), and try again", path, patience)
	}
	return nil, shellvars.NotAbsent(path, fmt.Errorf("locking %s: %w", path, err))
}

func (d *directory) close() {
	d.list.Close()
	d.root.Close()
}

// makeDir makes a directory that everybody may read, whatever the umask.
func makeDir(path string) error {
	switch err := os.Mkdir(path, 0o755); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	return os.Chmod(path, 0o755)
}
