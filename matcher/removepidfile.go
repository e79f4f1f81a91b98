package matcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

var (
	errNotRemoved = errors.New("not removed")
	errNotEmptied = errors.New("not emptied")
)

// Pidfile is one that was read, and what may be done with it then.
type Pidfile struct{ rules.Pidfile }

// Remove removes the pidfile, if it still is the file that was read and still
// names the same process; a successor may have written its own. That it is gone
// already is no error.
func (p Pidfile) Remove() error {
	// A daemon that writes its number in this very moment loses the file: unlinkat(2)
	// knows no condition.
	return onceMore(p.Pidfile, errNotRemoved, func(dir int, name string, _ int) error { return unix.Unlinkat(dir, name, 0) })
}

// Empty makes the pidfile name nobody, under the same conditions. Its owner and
// mode stay: a daemon may not be able to make it anew.
func (p Pidfile) Empty() error {
	if p.HardLinks != 1 { // under its other name it may be anything
		return leftPidfile(p.Pidfile, errNotEmptied, fmt.Sprintf("it has %d hard links", p.HardLinks))
	}
	return onceMore(p.Pidfile, errNotEmptied, func(_ int, _ string, fd int) error {
		return os.Truncate(fmt.Sprintf("/proc/self/fd/%d", fd), 0) // that very file, whatever has its name by now
	})
}

// onceMore looks at the pidfile once more and, if it is the same, changes it. The
// directory is held meanwhile: in a daemon's own one the path could be led
// elsewhere. While it ended the daemon had time to mount a file system there or on the file
// (fusermount(1)) that never answers: none is entered.
func onceMore(p rules.Pidfile, undone error, change func(dir int, name string, fd int) error) error {
	if p.State != rules.PidfileNames && p.State != rules.PidfileGarbage {
		return leftPidfile(p, undone, "it was not read")
	}
	at := strings.LastIndex(p.Path, "/") + 1 // not filepath.Dir: `link/..` is the link's matter
	h := thisHost()
	h.Trusted = p.ID.Dev // whose server has answered, if there is one
	dir, _, err := h.OpenEntering(p.Path[:at] + ".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unreached(p, undone, err)
	}
	defer unix.Close(dir)
	name := p.Path[at:]
	fd, _, err := h.OpenStep(dir, name, unix.O_NOFOLLOW, kernel.Entered{}, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unreached(p, undone, err)
	}
	defer unix.Close(fd)
	if target, err := kernel.ReadOpenedLink(fd); err == nil {
		return leftPidfile(p, undone, "it is a symbolic link to "+target)
	}
	now := h.readOpenedPidfile(rules.Pidfile{Path: p.Path}, fd)
	switch {
	case now.State == rules.PidfileUnusable:
		return leftPidfile(p, undone, now.Why)
	case !p.SameContent(now):
		return leftPidfile(p, undone, "it has been written again since")
	}
	if err := change(dir, name, fd); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return leftPidfile(p, undone, fact.Plain(err))
	}
	return nil
}

// unreached wraps ErrNoAnswer where whoever asked about the pidfile again would wait.
func unreached(p rules.Pidfile, undone, err error) error {
	if errors.Is(err, fact.ErrMayHang) {
		return fmt.Errorf("pidfile %s %w: %w: %s", p.Path, undone, ErrNoAnswer, fact.Plain(err))
	}
	return leftPidfile(p, undone, fact.Plain(err))
}

func leftPidfile(p rules.Pidfile, undone error, why string) error {
	return fmt.Errorf("pidfile %s %w: %s", p.Path, undone, why)
}
