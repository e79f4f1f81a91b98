package rules

import (
	"fmt"
	"path/filepath"
	"time"

	"pidproof/matcher/internal/fact"
)

// StartSlack is how much later than its pidfile a process may have started:
// the start time is exact to a tick, but a pidfile's mtime to the jiffy of a
// coarse clock, and 16 of 16 daemons measured write it within 0.1 s.
const StartSlack = 2 * time.Second

// WriteSlack is how long after its start a daemon may write its pidfile
// before other pidfiles are asked whose process this is.
const WriteSlack = 10 * time.Second

func Late(e fact.Evidence, p Pidfile) bool { return e.Started.After(p.Written.Add(StartSlack)) }

// closeSlack is how much later than its pidfile a process looks at most whose clock was
// not set: the start time is exact to a tick, the time of a file to a jiffy.
const closeSlack = 100 * time.Millisecond

// closelyLate reports of a process that is not late that it started after its pidfile was
// written all the same: with 32,768 numbers one comes round in less than two seconds. File
// systems without fractions of a second (ext3, XFS's oldest) are given one more.
func closelyLate(e fact.Evidence, p Pidfile) bool {
	slack := closeSlack
	if p.Written.Nanosecond() == 0 {
		slack += time.Second
	}
	return e.Life == fact.Alive && e.Started.After(p.Written.Add(slack))
}

// WrittenLong reports that the pidfile was written long after the process started.
func WrittenLong(e fact.Evidence, p Pidfile) bool {
	return p.Written.After(e.Started.Add(WriteSlack))
}

// AdoptedBy reports that PID 1 is the parent only because the real one ended:
// its session is another's. In a container PID 1 may be an instance itself.
func AdoptedBy(e, parent fact.Evidence) bool {
	return parent.PID == 1 && e.PPID == 1 && e.Session != parent.Session
}

// ownership asks of a process that passed for the daemon whether it is this
// instance's: may the pidfile vouch for it, and does time, or another
// instance's pidfile, speak against it?
func ownership(q Question, d Decision) Decision {
	e, p := q.Evidence, q.Pidfile
	isLate := Late(e, p) && e.Life == fact.Alive
	if d.Outcome != Runs {
		if isLate {
			return doubted(q, d)
		}
		return d
	}
	if ok, why := p.Vouches(e.UID, e.EUID); !ok {
		return d.overruled(RuleUntrusted, Undecided, "%s", why)
	}
	switch {
	case e.PID != 1 || !d.Weak || d.Rule == RuleSameFile || d.Rule == RuleReplaced:
	case d.Rule == RuleScript:
		return d.overruled(RuleScript, Undecided, "PID 1 runs a script under %s, and only its name is the daemon's", e.Exe.Value.Link)
	default:
		return d.overruled(RuleMismatch, NotThis, "PID 1 is taken for a daemon only by its file")
	}
	if e.ParentRuns.State == fact.Unread && (!q.Daemon.Unnamed() || isLate) {
		return Decision{Need: NeedParent}
	}
	child := e.ParentRuns.Value
	if e.ParentRuns.State == fact.Unreadable {
		return d.overruled(RuleUnreadable, Undecided, "whether its parent, %d, runs %s too cannot be told: %s", e.PPID, q.program(), fact.Plain(e.ParentRuns.Err))
	}
	if !isLate && !isRoots(e) && closelyLate(e, p) {
		if e.Clock.State == fact.Unread {
			return Decision{Need: NeedClock}
		}
		if w, was := onTime(e.Clock.Value, e.Started, closeSlack); was {
			return d.overruled(RuleLate, Undecided, "it started %s after the pidfile was written, and the clock was not set since, as %s shows: the number may have changed hands", Span(e.Started.Sub(p.Written)), w.Of)
		}
	}
	if !isLate && !child && !WrittenLong(e, p) {
		return d
	}
	if e.Claims.State == fact.Unread {
		return Decision{Need: NeedClaims}
	}
	doubtful := e.Claims.State == fact.Unreadable && (isLate || child) // unless one that was found decides
	for _, c := range e.Claims.Value {
		switch apart := p.Written.Sub(c.Written).Abs(); {
		case c.Upgrade && c.Self:
		case c.Upgrade:
			d.Notes = append(d.Notes, fmt.Sprintf("A binary upgrade is under way: %s names its parent, %d.", c.Pidfile, c.PID))
			child = false
		case !c.Self && (!c.Late || c.TopLevel) && !isLate && !WrittenLong(e, p):
			// keepalived's child writes a pidfile of its own; so may another's worker.
			return d.overruled(RuleContested, Undecided, "it is a child of %d, the main process of %s, but this pidfile was written when it started", c.PID, c.Pidfile)
		case !c.Self && (!c.Late || c.TopLevel):
			return d.overruled(RuleRecycled, NotThis, "it is a child of %d, the main process of %s", c.PID, c.Pidfile)
		case !c.Self || apart <= WriteSlack:
			// The daemon's own second pidfile, written when this one was.
		case isLate && !c.Late:
			return d.overruled(RuleRecycled, NotThis, "it is the main process of %s, and started %s after this pidfile was written", c.Pidfile, Span(e.Started.Sub(p.Written)))
		case isLate || WrittenLong(e, p):
			return d.overruled(RuleContested, Undecided, "%s names it too, and was written at another time: remove the wrong one", c.Pidfile)
		}
	}
	if doubtful && isLate && !isRoots(e) {
		if e.Clock.State == fact.Unread {
			return Decision{Need: NeedClock}
		}
		if recycled, is := recycledNumber(q, d, false); is {
			return recycled // whoever else claims it
		}
	}
	if doubtful {
		return d.overruled(RuleLate, Undecided, "it may be another instance's: %v", e.Claims.Err)
	}
	if isLate {
		if d = lateness(q, d, child); d.Need != 0 || d.Outcome != Runs {
			return d
		}
	}
	if child {
		d.Notes = append(d.Notes, fmt.Sprintf("Its parent, %d, runs %s too, and no pidfile names that one.", e.PPID, q.program()))
	}
	return d
}

// program is the name of what is asked about.
func (q Question) program() string {
	if q.Daemon.Unnamed() {
		return filepath.Base(onlyPath(q.Evidence.Exe.Value))
	}
	return q.Daemon.Base()
}

// overruled is the decision, after a rule about whose the process is spoke against it.
func (d Decision) overruled(rule Rule, o Outcome, format string, args ...any) Decision {
	why := fmt.Sprintf(format, args...)
	d.Steps = append(d.Steps, Step{rule, true, why})
	d.Rule, d.Outcome, d.Why = rule, o, why
	return d
}

// Span is a duration in words for a person.
func Span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}
