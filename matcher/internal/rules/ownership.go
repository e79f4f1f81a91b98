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
// written all the same: with 32,768 numbers one comes round in less than two seconds.
func closelyLate(e fact.Evidence, p Pidfile) bool {
	return e.Life == fact.Alive && e.Started.After(p.Written.Add(slackOf(p)))
}

// slackOf is closeSlack, and a second more on file systems without fractions of one (ext3,
// XFS's oldest).
func slackOf(p Pidfile) time.Duration {
	if p.Written.Nanosecond() == 0 {
		return closeSlack + time.Second
	}
	return closeSlack
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

// whose is the question whose a process is that passed for the daemon: this instance's?
type whose struct {
	Question
	Decision
	isLate bool // it started after the pidfile was written
	child  bool // its parent runs the daemon as well, and no binary upgrade explains that
}

// ownershipRules are asked in this order; the first that answers ends it.
var ownershipRules = []func(*whose) (answered bool){
	(*whose).untrusted,    // the pidfile's writer could not have signalled it
	(*whose).isInit,       // PID 1 is a daemon by its name alone
	(*whose).parentUnread, // whether its parent runs the daemon too has to be known
	(*whose).closelyLate,  // it may have got the number within the slack
	(*whose).inTime,       // nothing speaks against it
	(*whose).claimed,      // other pidfiles name it, or its parents
	(*whose).claimsUnread, // or may do
	(*whose).late,         // the clock was set, or the number was recycled
	(*whose).ahead,        // likewise, and it was set back
	(*whose).lonelyChild,
}

// ownership asks of a process that passed for the daemon whether it is this
// instance's: may the pidfile vouch for it, and does time, or another
// instance's pidfile, speak against it?
func ownership(q Question, d Decision) Decision {
	w := &whose{q, d, Late(q.Evidence, q.Pidfile) && q.Evidence.Life == fact.Alive, q.Evidence.ParentRuns.Value}
	switch {
	case d.Outcome != Runs && w.isLate:
		return doubted(q, d)
	case d.Outcome == Plausible && d.Rule == RuleUnreadable:
		w.goesByName()
		return w.Decision
	case d.Outcome != Runs:
		return d
	}
	for _, answers := range ownershipRules {
		if answers(w) {
			break
		}
	}
	return w.Decision
}

// goesByName: its executable cannot be read, and its name fits that of another instance's
// worker, too.
func (w *whose) goesByName() {
	_ = w.parentUnread() || !w.child || w.claimed() || w.claimsUnread()
}

// overrules answers with another rule and outcome.
func (w *whose) overrules(rule Rule, o Outcome, format string, args ...any) bool {
	w.Decision = w.overruled(rule, o, format, args...)
	return true
}

// needs asks again, with a fact that was not read.
func (w *whose) needs(n FactSet) bool {
	w.Decision = Decision{Need: n}
	return true
}

func (w *whose) note(format string, args ...any) {
	w.Notes = append(w.Notes, fmt.Sprintf(format, args...))
}

func (w *whose) untrusted() bool {
	ok, why := w.Pidfile.Vouches(w.Evidence.UID, w.Evidence.EUID)
	return !ok && w.overrules(RuleUntrusted, Undecided, "%s", why)
}

func (w *whose) isInit() bool {
	switch {
	case w.Evidence.PID != 1 || !w.Weak || w.Rule == RuleSameFile || w.Rule == RuleReplaced:
		return false
	case w.Rule == RuleScript:
		return w.overrules(RuleScript, Undecided, "PID 1 runs a script under %s, and only its name is the daemon's", w.Evidence.Exe.Value.Link)
	}
	return w.overrules(RuleMismatch, NotThis, "PID 1 is taken for a daemon only by its file")
}

func (w *whose) parentUnread() bool {
	switch e := w.Evidence; {
	case e.ParentRuns.State == fact.Unread && (!w.Daemon.Unnamed() || w.isLate):
		return w.needs(NeedParent)
	case e.ParentRuns.State == fact.Unreadable:
		return w.overrules(RuleUnreadable, Undecided, "whether its parent, %d, runs %s too cannot be told: %s", e.PPID, w.program(), fact.Plain(e.ParentRuns.Err))
	}
	return false
}

func (w *whose) closelyLate() bool {
	e := w.Evidence
	switch {
	case w.isLate || !closelyLate(e, w.Pidfile):
		return false
	case isRoots(e) && e.File.State == fact.Unread:
		return w.needs(NeedFile)
	case onlyRoots(e):
		return false
	case e.Clock.State == fact.Unread:
		return w.needs(NeedClock)
	}
	witness, was := onTime(e.Clock.Value, e.Started, closeSlack)
	return was && w.overrules(RuleLate, Undecided, "it started %s after the pidfile was written, and the clock was not set since, as %s shows: the number may have changed hands", Span(e.Started.Sub(w.Pidfile.Written)), witness.Of)
}

func (w *whose) inTime() bool {
	return !w.isLate && !w.child && !WrittenLong(w.Evidence, w.Pidfile) && w.Pidfile.Ahead <= StartSlack
}

// claimed asks the other pidfiles that name it, or an ancestor that runs the daemon.
func (w *whose) claimed() bool {
	e := w.Evidence
	if e.Claims.State == fact.Unread {
		return w.needs(NeedClaims)
	}
	long := WrittenLong(e, w.Pidfile)
	for _, c := range e.Claims.Value {
		switch apart := w.Pidfile.Written.Sub(c.Written).Abs(); {
		case c.Wrapper && w.isLate && apart > WriteSlack:
			return w.overrules(RuleRecycled, NotThis, "%d, its wrapper, is that of %s, and it started %s after this pidfile was written", c.PID, c.Pidfile, Span(e.Started.Sub(w.Pidfile.Written)))
		case c.Wrapper: // perhaps the instance's own second pidfile
		case c.Upgrade && c.Self:
		case c.Upgrade:
			w.note("A binary upgrade is under way: %s names its parent, %d.", c.Pidfile, c.PID)
			w.child = false
		case !c.Self && (!c.Late || c.TopLevel) && !w.isLate && !long:
			// keepalived's child writes a pidfile of its own; so may another's worker.
			return w.overrules(RuleContested, Undecided, "it is a child of %d, the main process of %s, but this pidfile was written when it started", c.PID, c.Pidfile)
		case !c.Self && (!c.Late || c.TopLevel):
			return w.overrules(RuleRecycled, NotThis, "it is a child of %d, the main process of %s", c.PID, c.Pidfile)
		case !c.Self || apart <= WriteSlack:
			// The daemon's own second pidfile, written when this one was.
		case w.isLate && !c.Late:
			return w.overrules(RuleRecycled, NotThis, "it is the main process of %s, and started %s after this pidfile was written", c.Pidfile, Span(e.Started.Sub(w.Pidfile.Written)))
		case w.isLate || long:
			return w.overrules(RuleContested, Undecided, "%s names it too, and was written at another time: remove the wrong one", c.Pidfile)
		}
	}
	return false
}

// claimsUnread: none of the pidfiles that were read decided, and not all could be.
func (w *whose) claimsUnread() bool {
	e, child := w.Evidence, w.Evidence.ParentRuns.Value
	if e.Claims.State != fact.Unreadable || !w.isLate && !child {
		return false
	}
	if w.isLate && !isRoots(e) {
		if e.Clock.State == fact.Unread {
			return w.needs(NeedClock)
		}
		if recycled, is := recycledNumber(w.Question, w.Decision, false); is { // whoever else claims it
			w.Decision = recycled
			return true
		}
	}
	return w.overrules(RuleLate, Undecided, "it may be another instance's: %v", e.Claims.Err)
}

func (w *whose) late() bool {
	if !w.isLate {
		return false
	}
	w.Decision = lateness(w.Question, w.Decision, w.child)
	return w.Need != 0 || w.Outcome != Runs
}

// ahead: the pidfile's time is still to come, so that whoever starts now started before it was
// written. A clock that was set back makes everything from before look early by one span.
func (w *whose) ahead() bool {
	e, p := w.Evidence, w.Pidfile
	switch owns := p.Owner != 0 && p.Owner == e.UID && p.Owner == e.EUID; {
	case p.Ahead <= StartSlack || e.Life != fact.Alive || owns:
		return false
	case e.Clock.State == fact.Unread:
		return w.needs(NeedClock)
	case isRoots(e) && e.File.State == fact.Unread:
		return w.needs(NeedFile)
	case w.Daemon.Unnamed() && e.Argv.State == fact.Unread:
		return w.needs(NeedArgv)
	}
	witness, set := clockWasSetBack(e.Clock.Value, e.Started.Sub(p.Written))
	switch {
	case set:
		w.note("Its pidfile was written %s later than now: the clock was set back since, as %s shows.", Span(p.Ahead), witness.Of)
	case onlyRoots(e) && (!w.Weak || w.Daemon.Unnamed() && w.named()):
		w.note("Its pidfile was written %s later than now. Only root can have started it, so the clock was probably set back since.", Span(p.Ahead))
	default:
		return w.overrules(RuleLate, Undecided, "%s was written %s later than now, and nothing shows that the clock was set back by so much: the number may have changed hands", p.Path, Span(p.Ahead))
	}
	return false
}

// lonelyChild stands, but a person should know.
func (w *whose) lonelyChild() bool {
	if w.child {
		w.note("Its parent, %d, runs %s too, and no pidfile names that one.", w.Evidence.PPID, w.program())
	}
	return true
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
