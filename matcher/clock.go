package matcher

import (
	"slices"
	"time"
)

// Clock is what tells whether the clock was set since something was started.
type Clock struct {
	Began     time.Time // when the system's first process started
	SinceBoot bool      // the clock agrees with when that was done
	Witnesses []Witness
}

// Witness is something that was done at a moment which is known twice: by the clock of
// then, and in the kernel's ticks since the boot.
type Witness struct {
	Of      string
	Started time.Time     // by the ticks, in the clock of now
	Late    time.Duration // by how much that is later than by the clock of then: it was set so far since
	Slack   time.Duration // how exact that is
}

// wasSet finds a witness of a clock that was set by this span: it makes everything that
// was started before look late by the same.
func clockWasSet(c Clock, span time.Duration) (Witness, bool) {
	for _, w := range c.Witnesses {
		if w.Late > startSlack && (span-w.Late).Abs() <= w.Slack {
			return w, true
		}
	}
	return Witness{}, false
}

// unsetSinceBoot: the clock was not set since the system started, and nobody looks late.
func clockUnsetSinceBoot(c Clock) bool {
	return c.SinceBoot && !slices.ContainsFunc(c.Witnesses, func(w Witness) bool { return w.Late > startSlack })
}

// wasNotSet finds a witness that was there when something started, and is not late: had
// the clock been set since, it would be.
func clockWasNotSet(c Clock, started time.Time) (Witness, bool) {
	for _, w := range c.Witnesses {
		if w.Late <= startSlack && w.Started.Before(started) {
			return w, true
		}
	}
	return Witness{}, false
}
