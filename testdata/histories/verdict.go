package histories

import (
	"strings"
	"time"
)

// verdict is a set of what a pidfile and its process may be said to be.
type verdict uint8

const (
	running verdict = 1 << iota
	stale
	missing
	unknown
)

func (v verdict) String() string {
	var of []string
	for i, word := range []string{"running", "stale", "absent", "unknown"} {
		if v&(1<<i) != 0 {
			of = append(of, word)
		}
	}
	return strings.Join(of, " or ")
}

// secondPidfile: two pidfiles of one process that were written closer together than
// this are the daemon's own.
const secondPidfile = 10 * time.Second

// verdict is what the pidfile and the process that it names come to.
func (w *world) verdict(f *pidfile, daemon string) verdict {
	switch f.state {
	case absent:
		return missing
	case garbage:
		return stale
	}
	p := w.living[f.pid]
	if p == nil {
		return stale
	}
	is := w.relation(p, daemon)
	switch {
	case is == stranger:
		return stale
	case is == perhaps, !f.vouches(p): // "the file may be several programs", "may not vouch"
		v := unknown
		if e := w.witnesses(p, f); is != runs && late(p, f) && (e.notSet || e.perhapsNot) {
			v |= stale // that it is the daemon at all is doubtful, and the number came round
		}
		return v
	}
	near := w.closelyLate(p, f)
	if near == unknown {
		return unknown
	}
	v, open := w.contested(p, f, daemon)
	if open {
		v |= w.unclaimedVerdict(p, f, daemon, is)
	}
	return v | near&unknown
}

// contested is what other pidfiles say of a process; open: they may say nothing.
func (w *world) contested(p *process, f *pidfile, daemon string) (v verdict, open bool) {
	open = true
	isLate := late(p, f)
	for _, other := range w.pidfiles {
		if other == f || other.state != names {
			continue
		}
		if other.pid == p.pid && other.vouches(p) && other.written.Sub(f.written).Abs() > secondPidfile && isLate {
			open = false
			if late(p, other) {
				v |= unknown // neither is better
			} else {
				v |= stale
			}
		}
		m := p.parent
		if m == nil || m.ended || other.pid != m.pid || !other.vouches(m) {
			continue
		}
		is := w.relation(m, daemon)
		if is == stranger {
			continue
		}
		if isLate {
			v |= stale // it is a worker of that instance
		} else {
			v |= unknown // it may have a pidfile of its own
		}
		// A parent that was moved, or was started by another name, may not be told; and
		// whether its own pidfile counts, which is late, is another question.
		open = open && (is != runs || late(m, other) && m.uid != 0)
	}
	return v, open
}

// unclaimedVerdict is the verdict where no other pidfile decides.
func (w *world) unclaimedVerdict(p *process, f *pidfile, daemon string, is relation) verdict {
	if !late(p, f) {
		return running
	}
	switch {
	case is == moved:
		v, e := unknown, w.witnesses(p, f) // only its name speaks for it
		if e.set || e.perhapsSet {
			v |= running
		}
		if e.notSet || e.perhapsNot {
			v |= stale
		}
		return v
	case w.parentRuns(p, daemon) == runs:
		// A worker whose parent no pidfile names: a late one is not told from another's.
		v := unknown
		if p.uid != 0 {
			v |= w.explained(p, f) &^ running
		}
		return v
	}
	return w.explained(p, f)
}
