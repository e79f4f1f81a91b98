package histories

import (
	"path/filepath"
	"time"
)

// A process is late that started more than 2 s after its pidfile was written: its
// number was recycled, or the clock was set.

func late(p *process, f *pidfile) bool { return p.started.Sub(f.written) > 2*time.Second }

// closelyLate: of a user's process a tenth of a second is enough, where a witness shows
// that the clock was not set. It gives what may be said then.
func (w *world) closelyLate(p *process, f *pidfile) verdict {
	after := p.started.Sub(f.written)
	switch {
	case p.uid == 0 || late(p, f) || after < 50*time.Millisecond:
		return 0
	case after > 200*time.Millisecond && w.elder.state == names && !late(w.lab.elder, w.elder):
		return unknown
	}
	return running | unknown
}

// evidence says what other pidfiles of root tell about the clock.
type evidence struct {
	set, notSet bool // certainly
	// Of what might be one, it depends on what is asked of a witness, which the
	// contract leaves open: an instance of the same daemon, a pidfile that its process
	// did not write itself or that has another name, a span that is only nearly the
	// same, or time before the boot.
	perhapsSet, perhapsNot bool
}

// witnesses looks for root's daemons whose pidfiles are late by the span by which p
// is: before all of them the clock was set. Or for one that was there before this
// pidfile was written, and is not late: since then it was not.
func (w *world) witnesses(p *process, f *pidfile) (of evidence) {
	span, anyLate := p.started.Sub(f.written), false
	for _, other := range w.pidfiles {
		q := w.living[other.pid]
		if other == f || other.state != names || other.uid != 0 || q == nil || q == p || q.uid != 0 {
			continue
		}
		sure := other.writer == q && other.daemon != f.daemon && filepath.Base(q.argv0) == filepath.Base(other.daemon)
		if late(q, other) {
			anyLate = true
			apart := (q.started.Sub(other.written) - span).Abs()
			of.set = of.set || sure && apart < time.Second
			of.perhapsSet = of.perhapsSet || apart < 30*time.Second
			continue
		}
		of.notSet = of.notSet || sure && q.started.Add(500*time.Millisecond).Before(f.written)
		// It was there when p started: had the clock been set since, it would be late as well.
		of.perhapsNot = of.perhapsNot || q.started.Before(p.started)
	}
	if f.written.Before(w.lab.boot) && !of.set {
		// A pidfile from before the boot is of another process, if the clock was not set
		// since; what was written to /run at boot may tell.
		of.perhapsNot = true
		of.notSet = of.notSet || !anyLate && w.elder.state == names
	}
	return of
}

// explained says what lateness makes of a process that would be the daemon: the
// verdicts that are right.
func (w *world) explained(p *process, f *pidfile) verdict {
	e := w.witnesses(p, f)
	switch {
	case p.uid == 0:
		return running // only root can have started it
	case e.set && e.notSet:
		return running | stale | unknown // they contradict each other
	case e.set && !e.perhapsNot:
		return running
	case e.notSet && !e.perhapsSet:
		return stale
	case !e.perhapsSet && !e.perhapsNot:
		return unknown
	}
	all := unknown
	if e.perhapsSet || e.set {
		all |= running
	}
	if e.perhapsNot || e.notSet {
		all |= stale
	}
	return all
}
