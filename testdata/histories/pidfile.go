package histories

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pidfile is one of the paths at which a pidfile may lie, and what lies there.
type pidfile struct {
	path     string
	daemon   string // whose it is meant to be
	owner    int    // whose a new one is
	state    pidfileState
	pid      int
	uid      int // whose the one is that lies there
	written  time.Time
	writer   *process // the process that wrote it when it started, as long as it is so
	usersDir bool     // in a directory of the user's
}

type pidfileState int

const (
	absent pidfileState = iota
	garbage
	names
)

func (f *pidfile) String() string { return f.path }

// reread takes note of what has been written.
func (f *pidfile) reread(writer *process) error {
	f.writer = writer
	content, err := os.ReadFile(f.path)
	if os.IsNotExist(err) {
		f.state, f.pid = absent, 0
		return nil
	}
	if err != nil {
		return err
	}
	st, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	f.written, f.uid = st.ModTime(), int(st.Sys().(*syscall.Stat_t).Uid)
	f.state = names
	if f.pid, err = strconv.Atoi(strings.TrimSuffix(string(content), "\n")); err != nil {
		f.state, f.pid = garbage, 0
	}
	return nil
}

// write is what an administrator does with echo: the owner stays, if there is a file.
func (f *pidfile) write(content string) error {
	if err := os.WriteFile(f.path, []byte(content), 0o644); err != nil {
		return err
	}
	if f.state == absent {
		if err := os.Chown(f.path, f.owner, f.owner); err != nil {
			return err
		}
	}
	return f.reread(nil)
}

// seemWritten sets when it was written.
func (f *pidfile) seemWritten(at time.Time) error {
	if err := os.Chtimes(f.path, at, at); err != nil {
		return err
	}
	return f.reread(f.writer)
}

// vouches: a pidfile speaks for whom its owner could have signalled.
func (f *pidfile) vouches(p *process) bool { return f.uid == 0 || f.uid == p.uid }
