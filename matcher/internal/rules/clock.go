package rules

import (
	"slices"
	"time"

	"pidproof/matcher/internal/fact"
)

// clockWasSet finds a witness of a clock that was set by this span: it makes everything that
// was started before look late by the same.
func clockWasSet(c fact.Clock, span time.Duration) (fact.Witness, bool) {
	for _, w := range c.Witnesses {
		if w.Late > StartSlack && (span-w.Late).Abs() <= w.Slack {
			return w, true
		}
	}
	return fact.Witness{}, false
}

// clockWasSetBack finds a witness of a clock that was set back by this span, which is negative.
func clockWasSetBack(c fact.Clock, span time.Duration) (fact.Witness, bool) {
	for _, w := range c.SetBack {
		if (span - w.Late).Abs() <= w.Slack {
			return w, true
		}
	}
	return fact.Witness{}, false
}

// clockUnsetSinceBoot: the clock was not set since the system started, and nobody looks late.
func clockUnsetSinceBoot(c fact.Clock) bool {
	return c.SinceBoot && !slices.ContainsFunc(c.Witnesses, func(w fact.Witness) bool { return w.Late > StartSlack })
}

// clockWasNotSet finds a witness that was there when something started, and is not late:
// had the clock been set since, it would be.
func clockWasNotSet(c fact.Clock, started time.Time) (fact.Witness, bool) {
	return onTime(c, started, StartSlack)
}

// onTime finds a witness from before that is not later than this: the clock was not set
// further since.
func onTime(c fact.Clock, started time.Time, than time.Duration) (fact.Witness, bool) {
	for _, w := range c.Witnesses {
		if w.Late <= than && w.Started.Before(started) {
			return w, true
		}
	}
	return fact.Witness{}, false
}
