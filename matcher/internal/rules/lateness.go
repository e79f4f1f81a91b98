package rules

import (
	"fmt"

	"pidproof/matcher/internal/fact"
)

// isRoots reports that only root can have started a process; but see onlyRoots.
func isRoots(e fact.Evidence) bool { return e.UID == 0 }

// onlyRoots is isRoots of what runs: a file that is setuid root (exim4) anybody may have
// started. What cannot be read of it counts as root's.
func onlyRoots(e fact.Evidence) bool {
	return isRoots(e) && !(e.File.State == fact.Known && e.File.Value.Setuid)
}

// lateness decides about a process of the daemon that started after its pidfile was
// written, and that no other pidfile accounts for. Either the clock was set since, which
// makes everything from before look late by the same span, or its number was recycled.
func lateness(q Question, d Decision, child bool) Decision {
	e, p := q.Evidence, q.Pidfile
	switch {
	case e.Clock.State == fact.Unread:
		return Decision{Need: NeedClock}
	case e.File.State == fact.Unread && isRoots(e):
		return Decision{Need: NeedFile}
	}
	span := e.Started.Sub(p.Written)
	after := Span(span)
	w, set := clockWasSet(e.Clock.Value, span)
	if set && !child {
		d.Notes = append(d.Notes, fmt.Sprintf("It seems to have started %s after its pidfile was written, but the clock was set since, as %s shows.", after, w.Of))
		return d
	}
	if recycled, is := recycledNumber(q, d, false); is && !set {
		return recycled
	}
	doubt := func(format string, args ...any) Decision {
		if recycled, is := recycledNumber(q, d, true); is {
			return recycled
		}
		return d.overruled(RuleLate, Undecided, format, args...)
	}
	switch {
	case q.Daemon.Unnamed() && e.Argv.State == fact.Unread:
		return Decision{Need: NeedArgv}
	case child:
		return d.overruled(RuleLate, Undecided, "it started %s after the pidfile was written, and is a child of another %s", after, q.program())
	case !onlyRoots(e):
		return doubt("%d, of uid %d, started %s after %s was written, and nothing shows that the clock was set: the number may have changed hands", e.PID, e.UID, after, p.Path)
	case q.Daemon.Unnamed() && q.named():
		// Its name is all that speaks for it, but then no other daemon is meant.
	case q.Daemon.Unnamed():
		return doubt("%d, called %q, started %s after %s was written, and is not like that name: the number may have changed hands", e.PID, e.Comm, after, p.Path)
	case d.Weak && (d.Rule == RuleSameFile || d.Rule == RuleReplaced):
		return doubt("it started %s after the pidfile was written, and %s runs any script: the number may have changed hands", after, q.Daemon.Path)
	case d.Weak:
		return doubt("it started %s after the pidfile was written, and only its name fits: the number may have changed hands", after)
	}
	note := fmt.Sprintf("It seems to have started %s after its pidfile was written. No other pidfile claims it, and only root can have started it", after)
	if w, was := clockWasNotSet(e.Clock.Value, e.Started); was {
		note += fmt.Sprintf("; the clock was not set since, as %s shows.", w.Of)
	} else {
		note += ", so the clock was probably set since."
	}
	d.Notes = append(d.Notes, note)
	return d
}

// named reports of a process that nothing but its number speaks for that its name does, too:
// it is like the pidfile's, or the one that was asked for.
func (q Question) named() bool {
	name := q.Criteria.Name
	if label := LastPart(q.Daemon.Name); q.Daemon.Label() && Bears(q.Evidence.Comm, label) {
		name = label
	}
	return Resembles(q.Evidence, q.Pidfile.Path) || name != "" && !IsInterpreter(name)
}

// recycledNumber: the clock was not set since the process started, so another had this
// number when the pidfile was written. Of root's own processes that is concluded only
// where little speaks for them and the pidfile is from before this boot: its time may have
// been set, by touch(1) or a backup.
func recycledNumber(q Question, d Decision, weak bool) (Decision, bool) {
	e, p := q.Evidence, q.Pidfile
	began := e.Clock.Value.Began
	fromBefore := clockUnsetSinceBoot(e.Clock.Value) && p.Written.Before(began.Add(-StartSlack))
	if onlyRoots(e) && !(weak && fromBefore) {
		return d, false
	}
	if fromBefore {
		return d.overruled(RuleRecycled, NotThis, "the pidfile was written %s before this system started, and the clock was not set since", Span(began.Sub(p.Written))), true
	}
	w, was := clockWasNotSet(e.Clock.Value, e.Started)
	if !was {
		return d, false
	}
	return d.overruled(RuleRecycled, NotThis, "it started %s after the pidfile was written, and the clock was not set since, as %s shows", Span(e.Started.Sub(p.Written)), w.Of), true
}

// doubted is what becomes of a decision that is none, or half of one, where the process
// is late: nothing that an ordinary user can arrange under a recycled number is a reason
// to leave the question open, if the clock was not set.
func doubted(q Question, d Decision) Decision {
	e, p := q.Evidence, q.Pidfile
	if e.Clock.State == fact.Unread {
		return Decision{Need: NeedClock}
	}
	if recycled, is := recycledNumber(q, d, true); is {
		return recycled
	}
	span := e.Started.Sub(p.Written)
	if _, set := clockWasSet(e.Clock.Value, span); d.Outcome == Plausible && !set {
		return d.overruled(RuleLate, Undecided, "it started %s after the pidfile was written, and only its name fits: the number may have changed hands", Span(span))
	}
	return d
}

// StandsLate reports that a pidfile speaks for a process although it started later than the
// file was written: their names are alike, and it is root's, or the clock was set by that
// span.
func StandsLate(e fact.Evidence, p Pidfile, clock fact.Clock) bool {
	_, set := clockWasSet(clock, e.Started.Sub(p.Written))
	return Resembles(e, p.Path) && (isRoots(e) || set)
}
