package histories

import (
	"path/filepath"
)

// upgrade also brings a file where there is none.
func (w *world) upgrade(s Step) error {
	daemon := w.daemon(s.A)
	if w.bound[daemon] != "" {
		return nil
	}
	w.tell("replace %s", daemon)
	return w.replace(daemon)
}

func (w *world) removeFile(s Step) error {
	daemon := w.daemon(s.A)
	if w.tree[daemon] == nil || w.bound[daemon] != "" {
		return nil
	}
	w.tell("rm %s", daemon)
	return w.remove(daemon)
}

// move: to one of several names, and a new file at the daemon's path or none.
func (w *world) move(s Step) error {
	daemon := w.daemon(s.A)
	base := filepath.Base(daemon)
	to := w.lab.path("sbin/" + []string{base + ".old", "old-" + base, "kept", base + ".dpkg-tmp"}[s.B%4])
	over := w.tree[to]
	if w.tree[daemon] == nil || w.bound[daemon] != "" || over != nil && over.of == w.current(daemon) {
		return nil // of two names of one file, rename(2) leaves both
	}
	w.tell("mv %s %s", daemon, to)
	if err := w.rename(daemon, to); err != nil || s.C%2 == 0 {
		return err
	}
	w.tell("a new %s", daemon)
	return w.create(daemon)
}

// moveBack undoes an upgrade.
func (w *world) moveBack(s Step) error {
	daemon := w.daemon(s.A)
	from := w.lab.path("sbin/" + []string{filepath.Base(daemon) + ".old", "old-" + filepath.Base(daemon)}[s.B%2])
	if w.tree[from] == nil || w.bound[daemon] != "" || w.tree[from].of == w.current(daemon) {
		return nil
	}
	w.tell("mv %s %s", from, daemon)
	return w.rename(from, daemon)
}

// unlink removes another name: a link, or where a file was moved to.
func (w *world) unlink(s Step) error {
	var others []string
	for _, p := range w.processes() {
		path := p.name.path
		if !p.name.gone && filepath.Dir(path) == w.lab.path("sbin") && path != w.daemons[0] && path != w.daemons[1] {
			others = append(others, path)
		}
	}
	path, is := pick(others, s.A)
	if !is {
		return nil
	}
	w.tell("rm %s", path)
	return w.remove(path)
}

// bindMount: only where nothing runs that the mount would cover.
func (w *world) bindMount(s Step) error {
	daemon := w.daemon(s.A)
	if w.tree[daemon] == nil || w.bound[daemon] != "" {
		return nil
	}
	for _, p := range w.processes() {
		if p.argv0 == daemon || w.relation(p, daemon) != stranger {
			return nil
		}
	}
	w.tell("mount --bind src/source-of-%s %s", filepath.Base(daemon), daemon)
	return w.bind(daemon)
}
