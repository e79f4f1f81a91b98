package histories

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// file is one program's file, whatever names it has.
type file struct{ _ byte } // of a size: two pointers to it differ

// name is an entry of a directory. A process keeps the one it was started by, and the
// kernel shows it in /proc/PID/exe: renamed where it was, gone where it is not there
// any more.
type name struct {
	path string
	of   *file
	gone bool
}

// The files of the daemons, and what becomes of them. Each function does it, and
// takes note of it.

// create makes a new file at a path where there is none.
func (w *world) create(path string) error {
	w.tree[path] = &name{path: path, of: &file{}}
	// As old as what a package brings: what is written and renamed within one jiffy is not told apart.
	old := time.Now().Add(-time.Hour)
	return errors.Join(os.WriteFile(path, w.lab.program, 0o755), os.Chtimes(path, old, old))
}

// replace is what a package manager does: a new file, renamed over the old one.
func (w *world) replace(path string) error {
	if err := w.create(path + ".dpkg-new"); err != nil {
		return err
	}
	return w.rename(path+".dpkg-new", path)
}

func (w *world) rename(from, to string) error {
	n := w.tree[from]
	if over := w.tree[to]; over != nil {
		over.gone = true
	}
	delete(w.tree, from)
	n.path = to
	w.tree[to] = n
	return os.Rename(from, to)
}

func (w *world) remove(path string) error {
	w.tree[path].gone = true
	delete(w.tree, path)
	return os.Remove(path)
}

func (w *world) link(from, to string) error {
	w.tree[to] = &name{path: to, of: w.tree[from].of}
	return os.Link(from, to)
}

// bind mounts another file over a daemon's path, until the history ends.
func (w *world) bind(path string) error {
	source := w.lab.path("src/source-of-" + filepath.Base(path))
	if err := w.create(source); err != nil {
		return err
	}
	w.tree[path] = &name{path: path, of: w.tree[source].of}
	w.bound[path] = source
	return unix.Mount(source, path, "", unix.MS_BIND, "")
}

// current is the file at a path, nil if there is none.
func (w *world) current(path string) *file {
	if n := w.tree[path]; n != nil {
		return n.of
	}
	return nil
}

// links counts the names of a file. A path it is mounted at is none.
func (w *world) links(f *file) int {
	count := 0
	for path, n := range w.tree {
		if n.of == f && w.bound[path] == "" {
			count++
		}
	}
	return count
}

// without is the path less what package managers append: the suffix is dpkg's.
func (n *name) without() string { return strings.TrimSuffix(n.path, ".dpkg-tmp") }
