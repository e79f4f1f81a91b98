package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/shellvars"
)

// Remove removes a registration, also a damaged one; of a symbolic link only that.
// fs.ErrNotExist is wrapped where there is none of that name, ErrName where there
// can be none.
func Remove(dir, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	d, err := openLocked(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no registration %s in %s: %w", name, dir, fs.ErrNotExist)
	}
	if err != nil {
		return err
	}
	defer d.close()
	// unlinkat(2), not Root.Remove: that would take an empty directory, too.
	switch err := unix.Unlinkat(int(d.list.Fd()), name, 0); {
	case err == unix.ENOENT:
		return fmt.Errorf("no registration %s in %s: %w", name, dir, fs.ErrNotExist)
	case err != nil:
		return &os.PathError{Op: "unlink", Path: filepath.Join(dir, name), Err: err}
	}
	// So that it is not back after a power loss, fsync(2). Some network and user-space
	// file systems know no such thing.
	if err := d.list.Sync(); err != nil && !errors.Is(err, unix.EINVAL) {
		return shellvars.NotAbsent(dir, fmt.Errorf("%s removed, but not synced: %w", filepath.Join(dir, name), err))
	}
	return nil
}
