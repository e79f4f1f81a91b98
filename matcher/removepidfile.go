package matcher

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

var (
	errNotRemoved = errors.New("not removed")
	errLeft       = errors.New("left as it is")
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

// nobody is the number of no process: numbers end below it (PID_MAX_LIMIT of
// include/linux/threads.h). An empty file would name nobody, too, but keepalived, nscd,
// munin-node, pgbouncer and postgrey do not start with one, while every daemon has met the
// number of a process that has ended.
var nobody = strconv.Itoa(fact.PIDMax) + "\n"

// NameNobody makes the pidfile name no process that there can be, under the same conditions.
// Its owner and mode stay: a daemon may not be able to make it anew.
func (p Pidfile) NameNobody() error {
	if p.HardLinks != 1 { // under its other name it may be anything
		return leftPidfile(p.Pidfile, errLeft, fmt.Sprintf("it has %d hard links", p.HardLinks))
	}
	return onceMore(p.Pidfile, errLeft, func(_ int, _ string, fd int) error {
		// That very file, whatever has its name by now; and no lease on it is waited for, fcntl(2).
		f, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := f.WriteAt([]byte(nobody), 0); err != nil {
			return err
		}
		return cmp.Or(f.Truncate(int64(len(nobody))), f.Close())
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
