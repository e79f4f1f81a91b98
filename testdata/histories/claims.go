package histories

// claim says whether a pidfile accounts for a process.
type claim int

const (
	no    claim = iota
	open        // it is late, and nothing explains that: unclaimed, or it cannot be told
	maybe       // the contract leaves it open
	yes
)

// claim is that of one pidfile on the process it names.
func (w *world) claim(f *pidfile, p *process, daemon string) claim {
	switch {
	case f.state != names || f.pid != p.pid || w.relation(p, daemon) == stranger || !f.vouches(p):
		return no
	case !late(p, f):
		return yes
	}
	switch v := w.explained(p, f); {
	case w.relation(p, daemon) != runs:
		return maybe
	case w.parentRuns(p, daemon) == runs:
		return no // the number was recycled by another's worker
	case v == stale:
		return no
	case v == unknown:
		return open
	case p.name.path != daemon || f.daemon != daemon:
		return maybe // its name is not like the pidfile's, which speaks against a late one
	case v == running:
		return yes
	}
	return maybe
}

// claimed says whether any pidfile but one accounts for a process, or for one above it.
func (w *world) claimed(p *process, daemon string, but *pidfile) claim {
	best := no
	for ; p != nil && !p.ended; p = p.parent {
		for _, f := range w.pidfiles {
			if f != but {
				best = max(best, w.claim(f, p, daemon))
			}
		}
	}
	return best
}

// others is a set of what a search for unclaimed processes may come to.
type others uint8

const (
	nobody others = 1 << iota
	unclear
	unclaimed
)

// search is what runs the daemon beside what pidfiles but one account for.
func (w *world) search(daemon string, but *pidfile) others {
	may, none := others(0), true
	for _, p := range w.processes() {
		is, c := w.relation(p, daemon), w.claimed(p, daemon, but)
		switch {
		case is == stranger || c == yes:
			continue
		case is == runs && c == no:
			return unclaimed // whatever else there is
		case is == runs && c == open:
			may |= unclaimed | unclear
		case is == runs:
			may |= unclaimed
		default:
			may |= unclear
		}
		none = none && c == maybe
	}
	if none {
		may |= nobody
	}
	return may
}
