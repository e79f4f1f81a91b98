package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"pidproof/cmd/pidproof/internal/wholefile"
)

// Add registers an instance, in a file of its own; without Restart, with the
// default command. It makes dir, and dir's parent. Exactly the same again is no
// error, and nothing is written.
//
// ErrName, ErrInvalid and ErrTaken tell refusals apart; other errors are about the
// directory, or the system's.
func Add(dir string, r Registration) error {
	if len(r.Restart) == 0 {
		r.Restart = defaultRestart(r.Name)
	}
	r.File = filepath.Join(dir, r.Name)
	if err := r.check(); err != nil {
		return err
	}
	for _, path := range []string{filepath.Dir(filepath.Clean(dir)), dir} {
		if err := makeDir(path); err != nil {
			return err
		}
	}
	d, err := openLocked(dir)
	if err != nil {
		return err
	}
	defer d.close()
	there, err := d.has(r)
	if there || err != nil {
		return err
	}
	// Who edits by hand takes no lock: what has the name by now stays.
	err = wholefile.CreateIn(d.root, r.Name, r.content(), 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the name %s %w: %s has just appeared", r.Name, ErrTaken, r.File)
	}
	return err
}

// has reports that exactly this is registered; an error is what is in its way.
func (d *directory) has(r Registration) (bool, error) {
	found, wrong, err := d.read()
	if err != nil {
		return false, err
	}
	for _, err := range wrong { // what is damaged keeps its name only; what is unread may have this pidfile
		if errno := syscall.Errno(0); errors.As(err, &errno) {
			return false, fmt.Errorf("whether the pidfile %s is registered cannot be told: %w", r.Pidfile, err)
		}
	}
	for _, other := range found {
		switch {
		case same(other, r):
			return true, nil
		case other.Name == r.Name:
			return false, fmt.Errorf("the name %s %w: %s says %s with %s, restarted by %s: unregister that first",
				r.Name, ErrTaken, other.File, other.Daemon, other.Pidfile, other.Command())
		}
	}
	for _, other := range found {
		if SamePidfile(other.Pidfile, r.Pidfile) {
			return false, fmt.Errorf("the pidfile %s %w: it is registered as %s (%s)", r.Pidfile, ErrTaken, other.Name, other.File)
		}
	}
	switch _, err := d.root.Lstat(r.Name); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%s: %w", r.File, err)
	}
	return false, fmt.Errorf("the name %s %w: %s is there, but is no sound registration (see pidproof list): mend or unregister it",
		r.Name, ErrTaken, r.File)
}
