// Package onlyone keeps two of us from doing the same at one moment.
package onlyone

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/registry"
)

// ErrTaken: another has the lock.
var ErrTaken = errors.New("another pidproof has it locked")

// tick is how often a lock is asked for that another has.
const tick = 20 * time.Millisecond

// File is where something of ours lies that is about this boot: below /run, or beside the
// registrations, where those are not the host's.
func File(name string) string {
	if registry.InUse() != registry.Dir {
		return filepath.Join(registry.InUse(), "."+name) // no registration
	}
	return filepath.Join("/run/pidproof", name)
}

// Lock locks such a file, and waits as long for another. Where no lock can be had (an
// ordinary user, /run not writable), it goes without; where it cannot be told whether
// somebody has it, not.
func Lock(name string, patience time.Duration) (unlock func(), err error) {
	path := File(name)
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return unlockable(err)
	}
	// Not readable by others: whoever can open it can lock it, flock(2).
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return unlockable(err)
	}
	for until := time.Now().Add(patience); ; time.Sleep(tick) {
		switch err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return func() { lock.Close() }, nil
		case errors.Is(err, syscall.EWOULDBLOCK) && time.Now().Before(until):
		case errors.Is(err, syscall.EWOULDBLOCK):
			lock.Close()
			return nil, ErrTaken
		default:
			lock.Close()
			return nil, fmt.Errorf("whether another pidproof does so cannot be told: %w", err)
		}
	}
}

// unlockable goes without a lock where there can be none.
func unlockable(err error) (unlock func(), _ error) {
	for _, none := range []error{fs.ErrPermission, fs.ErrNotExist, syscall.EROFS} {
		if errors.Is(err, none) {
			return func() {}, nil
		}
	}
	return nil, fmt.Errorf("whether another pidproof does so cannot be told: %w", err)
}
