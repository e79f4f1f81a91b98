package histories

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// recycle gives the number that a stale pidfile names to somebody else: pidfile A,
// whom B, how old the pidfile seems C, and D for a further choice.
func (w *world) recycle(s Step) error {
	var free []*pidfile
	for _, f := range w.instances() {
		if f.state == names && w.free(f.pid) {
			free = append(free, f)
		}
	}
	f, is := pick(free, s.A)
	if !is {
		var err error
		if f, err = w.lostItsProcess(s); f == nil || err != nil {
			return err
		}
	}
	pid := f.pid
	var err error
	switch s.B % 7 {
	case 0, 1:
		err = w.recycledByStranger(pid, s.B%7*user)
	case 2: // the user executes the daemon itself
		err = w.startBy(w.tree[f.daemon], nil, pid, Step{C: 1})
	case 3: // another instance, of this daemon or the other
		daemon := w.daemon(s.D)
		err = w.startBy(w.tree[daemon], w.otherThan(f, daemon), pid, Step{C: s.D & 1, D: s.D})
	case 4: // a worker of another instance
		if !w.free(pid - 1) {
			return nil
		}
		err = w.startBy(w.tree[f.daemon], w.otherThan(f, f.daemon), pid-1, Step{C: s.D, D: 1})
	case 5: // one without any pidfile, root's
		err = w.startBy(w.tree[f.daemon], nil, pid, Step{})
	case 6:
		err = w.recycledElsewhere(f, s.D%2 == 1)
	}
	if err != nil || w.living[pid] == nil || s.C%4 == 3 {
		return err
	}
	return w.ageOf(f, s.C)
}

// lostItsProcess starts an instance and kills it.
func (w *world) lostItsProcess(s Step) (*pidfile, error) {
	daemon := w.daemon(s.A)
	f, pid := w.of(daemon)[s.A/2%4], w.takes()+1 // the number before is free, too
	if err := w.startBy(w.tree[daemon], f, pid, Step{}); err != nil || w.living[pid] == nil {
		return nil, err
	}
	w.tell("kill -KILL %v", w.living[pid])
	return f, w.kill(w.living[pid], unix.SIGKILL)
}

// otherThan is another pidfile of a daemon.
func (w *world) otherThan(f *pidfile, daemon string) *pidfile {
	for _, other := range w.of(daemon) {
		if other != f {
			return other
		}
	}
	return nil
}

func (w *world) recycledByStranger(pid, uid int) error {
	p, err := w.launch(&name{path: w.lab.stranger(), of: &file{}}, launch{pid: pid, uid: uid})
	if err == nil {
		w.tell("number %d goes to %v", pid, p)
	}
	return err
}

// recycledElsewhere: in a user namespace the user mounts a tree of his own over the
// daemon's directory, and runs a copy there, which he may remove.
func (w *world) recycledElsewhere(f *pidfile, removed bool) error {
	_, err := w.launch(&name{path: w.lab.stranger(), of: &file{}}, launch{
		pid: f.pid, uid: user, argv0: f.daemon, elsewhere: filepath.Dir(f.daemon), removed: removed,
	})
	if err == nil {
		w.tell("number %d goes to a user's program at %s in a mount tree of his own, removed: %v", f.pid, f.daemon, removed)
	}
	return err
}
