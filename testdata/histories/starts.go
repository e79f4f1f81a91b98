package histories

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// start: daemon A, pidfile B, the user C, D workers.
func (w *world) start(s Step) error {
	daemon := w.daemon(s.A)
	return w.startBy(w.tree[daemon], w.pidfileOf(daemon, s.B), w.takes(), s)
}

// startBy starts by a name of a file; C says as whom, and whether workers outlive it.
func (w *world) startBy(n *name, f *pidfile, pid int, s Step) error {
	how := launch{pid: pid, workers: s.D % 3, outlived: s.C&2 != 0}
	for i := range how.workers + 1 {
		if n == nil || !w.free(pid+i) {
			return nil
		}
	}
	if s.C&1 != 0 {
		how.uid = user
	}
	if f != nil {
		how.pidfile, how.owner = f.path, f.owner
	}
	p, err := w.launch(n, how)
	if err != nil {
		return err
	}
	told := fmt.Sprintf("start %s as %v", n.path, p)
	if how.workers > 0 {
		told += fmt.Sprintf(", %d workers", how.workers)
	}
	if how.outlived && how.workers > 0 {
		told += " that outlive it"
	}
	if f != nil {
		told += ", pidfile " + f.path
		err = f.reread(p)
	}
	w.tell("%s", told)
	return err
}

// startLink starts by another hard link of a daemon's file, made where there is none;
// or by the source of a bind mount.
func (w *world) startLink(s Step) error {
	daemon := w.daemon(s.A)
	alias := w.lab.path("sbin/alias-of-" + filepath.Base(daemon))
	if source := w.bound[daemon]; source != "" {
		return w.startBy(w.tree[source], w.pidfileOf(daemon, s.B), w.takes(), s)
	}
	if w.tree[alias] == nil {
		if w.tree[daemon] == nil {
			return nil
		}
		w.tell("ln %s %s", daemon, alias)
		if err := w.link(daemon, alias); err != nil {
			return err
		}
	}
	return w.startBy(w.tree[alias], w.pidfileOf(daemon, s.B), w.takes(), s)
}

// startNamesake starts another program, whose name is the daemon's, or what the kernel
// shows of a daemon's file that was removed.
func (w *world) startNamesake(s Step) error {
	path := w.daemon(s.A) + " (deleted)"
	if s.A/2%2 == 1 {
		path = w.lab.path("src/" + filepath.Base(w.daemon(s.A)))
	}
	if w.tree[path] == nil {
		if err := w.create(path); err != nil {
			return err
		}
	}
	return w.startBy(w.tree[path], w.pidfileOf(w.daemon(s.A), s.B), w.takes(), s)
}

func (w *world) killMain(s Step) error {
	p, is := pick(w.mains(false), s.A)
	if !is {
		return nil
	}
	w.tell("kill -KILL %v", p)
	return w.kill(p, unix.SIGKILL)
}

func (w *world) killWorker(s Step) error {
	p, is := pick(w.mains(true), s.A)
	if !is {
		return nil
	}
	w.tell("kill -KILL %v, a worker", p)
	return w.kill(p, unix.SIGKILL)
}

func (w *world) term(s Step) error {
	p, is := pick(w.mains(false), s.A)
	if !is {
		return nil
	}
	w.tell("kill -TERM %v", p)
	return w.kill(p, unix.SIGTERM)
}
