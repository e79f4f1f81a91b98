package matcher

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNotRemoved is wrapped where a pidfile was left for a reason.
var ErrNotRemoved = errors.New("not removed")

// Remove removes the pidfile, if it still is the file that was read and still
// names the same process; a successor may have written its own. That it is gone
// already is no error. The directory is held meanwhile: in a daemon's own one
// the path could be led elsewhere.
func (p Pidfile) Remove() error {
	if p.State != PidfileNames && p.State != PidfileGarbage {
		return p.notRemoved("it was not read")
	}
	at := strings.LastIndex(p.Path, "/") + 1 // not filepath.Dir: `link/..` is the link's matter
	dir, _, err := openFollowing(p.Path[:at] + ".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return p.notRemoved(plain(err))
	}
	defer unix.Close(dir)
	name := p.Path[at:]
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return p.notRemoved(plain(err))
	}
	defer unix.Close(fd)
	if target, err := readOpenedLink(fd); err == nil {
		return p.notRemoved("it is a symbolic link to " + target)
	}
	now := thisHost().readOpenedPidfile(Pidfile{Path: p.Path}, fd)
	if now.State != p.State || now.ID != p.ID || now.PID != p.PID {
		return p.notRemoved("it has been written again since")
	}
	// A daemon that writes its number in this very moment loses the file: unlinkat(2)
	// knows no condition.
	if err := unix.Unlinkat(dir, name, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p.notRemoved(plain(err))
	}
	return nil
}

func (p Pidfile) notRemoved(why string) error {
	return fmt.Errorf("pidfile %s %w: %s", p.Path, ErrNotRemoved, why)
}
