package histories

import "path/filepath"

// relation says how a process stands to a daemon's path, from what it was started by
// and what became of that file since.
type relation int

const (
	stranger relation = iota // it has nothing to do with it
	moved                    // it was started as the daemon, and its file has another name now
	perhaps                  // it was started by another name of the daemon's file, which still exists
	runs                     // it runs the daemon's file, of today or of before
)

func (w *world) relation(p *process, daemon string) relation {
	n := p.name
	switch {
	case p.elsewise:
		// What a user mounts in a tree of his own proves nothing; only the device and
		// inode of our file would, and he has a copy.
		return stranger
	case n.of == w.current(daemon):
		if n.path != daemon && w.links(n.of) > 1 && filepath.Base(p.argv0) != filepath.Base(daemon) {
			// Of a file with several names it may be another program (busybox); then
			// again, it runs the daemon's very file.
			return perhaps
		}
		return runs
	case n.path == daemon, n.without() == daemon:
		return runs // replaced, or removed
	case p.argv0 == daemon:
		return moved
	}
	// Also what was started by another name of a file that the daemon's path has lost
	// since: nothing tells any more.
	return stranger
}

// parentRuns reports that a process is the child of one that runs the daemon.
func (w *world) parentRuns(p *process, daemon string) relation {
	if p.parent == nil || p.parent.ended {
		return stranger
	}
	return w.relation(p.parent, daemon)
}
