package restart

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"pidproof/cmd/pidproof/internal/registry"
)

// Lock keeps two runs from restarting the same instance. Where no lock can be
// had (an ordinary user, /run not writable), it goes without; where it cannot be told
// whether somebody has it, not.
func Lock() (unlock func(), err error) {
	path := filepath.Join(registry.InUse(), ".restart.lock") // no registration
	if registry.InUse() == registry.Dir {
		path = "/run/pidproof/restart.lock"
		if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return unlockable(err)
		}
	}
	// Not readable by others: whoever can open it can lock it, flock(2).
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return unlockable(err)
	}
	switch err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		lock.Close()
		return nil, errors.New("another pidproof restarts instances at this moment; try again when it is done")
	case err != nil:
		lock.Close()
		return nil, fmt.Errorf("whether another pidproof restarts instances cannot be told: %w", err)
	}
	return func() { lock.Close() }, nil
}

// unlockable goes without a lock where there can be none.
func unlockable(err error) (unlock func(), _ error) {
	for _, none := range []error{fs.ErrPermission, fs.ErrNotExist, syscall.EROFS} {
		if errors.Is(err, none) {
			return func() {}, nil
		}
	}
	return nil, fmt.Errorf("whether another pidproof restarts instances cannot be told: %w", err)
}
