package matcher

import (
	"fmt"
	"path/filepath"
	"time"
)

// startSlack is how much later than its pidfile a process may have started:
// the start time is exact to a tick, but a pidfile's mtime to the jiffy of a
// coarse clock, and 16 of 16 daemons measured write it within 0.1 s.
const startSlack = 2 * time.Second

// writeSlack is how long after its start a daemon may write its pidfile
// before other pidfiles are asked whose process this is.
const writeSlack = 10 * time.Second

func late(e Evidence, p Pidfile) bool { return e.Started.After(p.Written.Add(startSlack)) }

// writtenLong reports that the pidfile was written long after the process started.
func writtenLong(e Evidence, p Pidfile) bool {
	return p.Written.After(e.Started.Add(writeSlack))
}

// ownership asks of a process that passed for the daemon whether it is this
// instance's: may the pidfile vouch for it, and does time, or another
// instance's pidfile, speak against it?
func ownership(q question, d Decision) Decision {
	e, p := q.evidence, q.pidfile
	isLate := late(e, p) && e.Life == Alive
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
	if e.ParentRuns.State == Unread && (!q.daemon.unnamed() || isLate) {
		return Decision{need: needParent}
	}
	child := e.ParentRuns.Value
	if e.ParentRuns.State == Unreadable {
		return d.overruled(RuleUnreadable, Undecided, "whether its parent, %d, runs %s too cannot be told: %s", e.PPID, q.program(), plain(e.ParentRuns.Err))
	}
	if !isLate && !child && !writtenLong(e, p) {
		return d
	}
	if e.Claims.State == Unread {
		return Decision{need: needClaims}
	}
	doubtful := e.Claims.State == Unreadable && (isLate || child) // unless one that was found decides
	for _, c := range e.Claims.Value {
		switch apart := p.Written.Sub(c.Written).Abs(); {
		case c.Upgrade && c.Self:
		case c.Upgrade:
			d.Notes = append(d.Notes, fmt.Sprintf("A binary upgrade is under way: %s names its parent, %d.", c.Pidfile, c.PID))
			child = false
		case !c.Self && (!c.Late || c.TopLevel) && !isLate && !writtenLong(e, p):
			// keepalived's child writes a pidfile of its own; so may another's worker.
			return d.overruled(RuleContested, Undecided, "it is a child of %d, the main process of %s, but this pidfile was written when it started", c.PID, c.Pidfile)
		case !c.Self && (!c.Late || c.TopLevel):
			return d.overruled(RuleRecycled, NotThis, "it is a child of %d, the main process of %s", c.PID, c.Pidfile)
		case !c.Self || apart <= writeSlack:
			// The daemon's own second pidfile, written when this one was.
		case isLate && !c.Late:
			return d.overruled(RuleRecycled, NotThis, "it is the main process of %s, and started %s after this pidfile was written", c.Pidfile, Span(e.Started.Sub(p.Written)))
		case isLate || writtenLong(e, p):
			return d.overruled(RuleContested, Undecided, "%s names it too, and was written at another time: remove the wrong one", c.Pidfile)
		}
	}
	if doubtful {
		return d.overruled(RuleLate, Undecided, "it may be another instance's: %v", e.Claims.Err)
	}
	if isLate {
		if d = lateness(q, d, child); d.need != 0 || d.Outcome != Runs {
			return d
		}
	}
	if child {
		d.Notes = append(d.Notes, fmt.Sprintf("Its parent, %d, runs %s too, and no pidfile names that one.", e.PPID, q.program()))
	}
	return d
}

// program is the name of what is asked about.
func (q question) program() string {
	if q.daemon.unnamed() {
		return filepath.Base(onlyPath(q.evidence.Exe.Value))
	}
	return q.daemon.base()
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
