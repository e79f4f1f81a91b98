package rules

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"pidproof/matcher/internal/fact"
)

// wrapper is the rule for a pidfile that names who started the daemon, and stays: su,
// runuser, sudo, daemon(1), setsid -w, flock, a shell that waits, mariadbd-safe. The number
// has to be his by more than chance, since nothing of him is the daemon's: he had it when
// the file was written, and is root's or its owner's. Otherwise whoever gets a number that
// was passed on could start the daemon below himself.
func wrapper(q Question) finding {
	d, e, p := q.Daemon, q.Evidence, q.Pidfile
	switch {
	case p.Path == "":
		return no("no pidfile speaks for it")
	case e.PID == 1 || e.Kernel || e.Ourselves || e.Life != fact.Alive || e.Root == fact.OtherPlace || e.Tree == fact.OtherPlace && e.UserNS != fact.SamePlace:
		return no("it is none that starts daemons")
	case e.Argv.State == fact.Unread:
		return finding{need: NeedArgv}
	case d.startedItself(e):
		return no("it goes by the name or path of %s itself", d.Path)
	}
	if ok, why := p.Vouches(e.UID, e.EUID); !ok {
		return no("%s", why)
	}
	if !(e.UID == 0 && e.EUID == 0) && !(e.UID == p.Owner && e.EUID == p.Owner) {
		return no("it is of uid %d (effective %d), neither root's nor the pidfile's owner's", e.UID, e.EUID)
	}
	if Late(e, p) {
		if e.Clock.State == fact.Unread {
			return finding{need: NeedClock}
		}
		if _, set := clockWasSet(e.Clock.Value, e.Started.Sub(p.Written)); !set {
			return no("it started after the pidfile was written")
		}
	}
	switch e.Below.State {
	case fact.Unread:
		return finding{need: NeedBelow}
	case fact.Unreadable:
		return yes(Undecided, FileUnknown, "what runs below it cannot be read (%s)", fact.Plain(e.Below.Err))
	}
	return wraps(q)
}

// wraps judges a process by those below it that run the daemon.
func wraps(q Question) finding {
	e, p := q.Evidence, q.Pidfile
	var pids []string
	proven := true
	for _, b := range p.StartedBy(e) {
		pids = append(pids, fmt.Sprint(b.PID))
		proven = proven && b.Proven
	}
	started := fmt.Sprintf("%d (%s) started %s", e.PID, e.Comm, strings.Join(pids[:min(len(pids), belowNamed)], ", "))
	switch {
	case len(pids) == 0:
		return no("nothing below it runs %s", q.Daemon.Path)
	case len(pids) > 1:
		return yes(Plausible, FileUnknown, "%s, which run the daemon: the pidfile names their wrapper, and which is meant cannot be told", started)
	case !proven:
		return yes(Plausible, FileUnknown, "%s, which may run the daemon: the pidfile names its wrapper", started)
	case WrittenLong(e, p):
		return yes(Plausible, FileUnknown, "%s, which runs the daemon, but the pidfile was written %s after its wrapper started", started, Span(p.Written.Sub(e.Started)))
	}
	f := yes(Runs, FileUnknown, "%s, which runs the daemon: the pidfile names its wrapper", started)
	f.weak = true // its name is not even like the daemon's
	return f
}

// StartedBy are those below a wrapper for whom its pidfile may vouch: its writer has to be
// able to signal them, too.
func (p Pidfile) StartedBy(wrapper fact.Evidence) (started []fact.Below) {
	for _, b := range wrapper.Below.Value {
		if ok, _ := p.Vouches(b.UID, b.EUID); ok {
			started = append(started, b)
		}
	}
	return started
}

// belowNamed is how many of those below a wrapper are named in a sentence.
const belowNamed = 4

// startedItself reports that a process was started as the daemon: its file was moved, or it
// is a script's interpreter. What only has the daemon's name may be a script that starts it.
func (d Daemon) startedItself(e fact.Evidence) bool {
	if d.NamesPath(filepath.Clean(Argv0(e.Argv.Value))) {
		return true
	}
	if d.Script != nil && d.Script.Interprets(e.Exe.Value) {
		words := d.ScriptWords(e)
		return len(words) > 0 && d.NamesPath(filepath.Clean(words[0]))
	}
	base := filepath.Base(onlyPath(e.Exe.Value))
	return d.GoesBy(e.Comm) && !IsInterpreter(base)
}

// StandsFor reports that a wrapper's pidfile, which nobody has asked about, is that of a
// daemon below it: cron and sshd have pidfiles, too, and a daemon that was started by hand
// below them is none of theirs. So the wrapper has to have the daemon in its arguments, or
// the pidfile a name that is like the daemon's.
func (d Daemon) StandsFor(wrapper fact.Evidence, pidfile string) bool {
	named := slices.ContainsFunc([]string{d.Base(), d.RealBase()}, func(base string) bool {
		return Resembles(fact.Evidence{Comm: base}, pidfile)
	})
	return named || d.mentionedBy(wrapper.Argv.Value)
}

// Wraps reports that a pidfile, which nobody has asked about, names the wrapper of a process
// that runs the daemon. One that is late for that pidfile does not count: that takes a clock.
func Wraps(d Daemon, p Pidfile, of, e fact.Evidence) bool {
	if d.Unnamed() {
		d = DaemonOf(e.Exe.Value)
	}
	of.Below = fact.Of([]fact.Below{{PID: e.PID, StartTicks: e.StartTicks, UID: e.UID, EUID: e.EUID, Proven: true}})
	f := wrapper(Question{Daemon: d, Pidfile: p, Evidence: of})
	return f.applies && f.outcome == Runs && p.Claims(of) && d.StandsFor(of, p.Path)
}

// StartedBy reports that a wrapper, which was asked about, names the daemon, or is a script
// or a shell, which need not. Of another program's children those of users are no daemons,
// whatever they call them.
func (d Daemon) StartedBy(wrapper Daemon, e fact.Evidence) bool {
	return wrapper.Script != nil || wrapper.RunsAnything() || d.mentionedBy(e.Argv.Value)
}

// MayWrap reports of a daemon, by which a pidfile was asked about that names it, that it may
// only be the wrapper of another: a script, or a program that has not the pidfile's name.
// sshd and cron have started what is none of theirs.
func (d Daemon) MayWrap(pidfile string) bool {
	return d.Script != nil || d.RunsAnything() || !Resembles(fact.Evidence{Comm: d.Base()}, pidfile)
}
