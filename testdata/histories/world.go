package histories

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// user is an ordinary user, who has a directory below /run.
const (
	user     = 65534
	usersDir = "/run/u"
)

var daemonNames = []string{"webd", "smtpd"}

// world is what is true at one moment of a history.
type world struct {
	lab        *Lab
	daemons    []string // paths
	living     map[int]*process
	tree       map[string]*name
	bound      map[string]string // what is mounted at a path
	pidfiles   []*pidfile
	elder      *pidfile // among them
	registered bool     // every instance is
	next       int      // number
	told       []string // the history
}

func (l *Lab) world() *world {
	w := &world{lab: l, living: map[int]*process{}, tree: map[string]*name{}, bound: map[string]string{}, next: firstPID}
	for _, base := range daemonNames {
		path := l.path("sbin/" + base)
		w.daemons = append(w.daemons, path)
		w.pidfiles = append(w.pidfiles,
			&pidfile{path: "/run/" + base + ".pid", daemon: path},
			&pidfile{path: "/run/" + base + "-two.pid", daemon: path},
			&pidfile{path: "/run/" + base + "-own.pid", daemon: path, owner: user},
			&pidfile{path: usersDir + "/" + base + ".pid", daemon: path, owner: user, usersDir: true})
	}
	w.elder = &pidfile{path: elderFile, daemon: l.path("bin/elderd")}
	w.pidfiles = append(w.pidfiles, w.elder)
	if l.elder != nil {
		w.living[l.elder.pid] = l.elder
		w.elder.state, w.elder.pid, w.elder.written, w.elder.writer = names, l.elder.pid, l.written, l.elder
	}
	return w
}

// instances are the pidfiles but the elder's.
func (w *world) instances() []*pidfile { return w.pidfiles[:len(w.pidfiles)-1] }

// of are the pidfiles of a daemon.
func (w *world) of(daemon string) []*pidfile {
	var of []*pidfile
	for _, f := range w.instances() {
		if f.daemon == daemon {
			of = append(of, f)
		}
	}
	return of
}

// processes are those of the history that live, by number.
func (w *world) processes() []*process {
	var all []*process
	for _, pid := range slices.Sorted(maps.Keys(w.living)) {
		if p := w.living[pid]; p != w.lab.elder {
			all = append(all, p)
		}
	}
	return all
}

// takes gives room for a process and its workers.
func (w *world) takes() int {
	w.next += 10
	return w.next
}

// free reports that a number can be given out: neither a process has it nor a group.
func (w *world) free(pid int) bool {
	for _, p := range w.living {
		if p.pid == pid || p.group == pid {
			return false
		}
	}
	return pid > firstPID
}

func (w *world) tell(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	w.told = append(w.told, strings.ReplaceAll(line, w.lab.dir+"/", ""))
}

// errVoid: the machine was so busy that a process started about as long after its
// pidfile as makes it late. Such a history shows nothing.
var errVoid = errors.New("too slow to tell what is late")

// tellable is errVoid where the truth depends on fractions of a second.
func (w *world) tellable() error {
	for _, f := range w.pidfiles {
		if p := w.living[f.pid]; f.state == names && p != nil {
			after := p.started.Sub(f.written)
			if after > time.Second && after < 3*time.Second || p != w.lab.elder && after < -8*time.Second {
				return errVoid
			}
		}
		for _, other := range w.instances() {
			apart := f.written.Sub(other.written).Abs()
			if f.state == names && other.state == names && apart > 5*time.Second && apart < 12*time.Second {
				return errVoid
			}
		}
	}
	return nil
}

func (p *process) String() string {
	whose := "root's"
	if p.uid != 0 {
		whose = "the user's"
	}
	return fmt.Sprintf("%s %s %d", whose, filepath.Base(p.argv0), p.pid)
}
