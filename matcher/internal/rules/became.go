package rules

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pidproof/matcher/internal/fact"
)

// became is the rule for scripts that become another program: `exec java` leaves nothing
// of them in the process. What proves whose it is then is that its pidfile was written when
// it started, so that the number has not changed hands since. The same goes for an
// interpreter that is called the daemon, of which another version runs (lua5.2, lua5.4), for
// what the daemon's path led to before its link was set anew, and for what was moved aside
// (`make install` of nginx leaves nginx.old), where titles hide what they were started as.
func became(q Question) finding {
	d, e := q.Daemon, q.Evidence
	switch x := e.Exe.Value; {
	case q.Pidfile.Path == "":
		return no("no pidfile speaks for it")
	case d.Script == nil && !d.isVersionOf(x) && !d.ledTo(x) && !d.movedTo(e):
		return no("%s is no script, which may become another program, nor is likely to have led there", d.Path)
	case e.Exe.State != fact.Known || e.PID == 1 || e.Ourselves:
		return no("what it runs cannot be read, or is no daemon")
	case mayExecute(e, filepath.Base(onlyPath(x))), e.Forked && d.Script != nil && d.Script.Interprets(x):
		return no("it has executed nothing yet")
	case e.Root == fact.OtherPlace || e.Tree == fact.OtherPlace && e.UserNS == fact.OtherPlace:
		return no("it has another root directory, or a mount tree of another user namespace")
	case slices.Contains(starters, filepath.Base(onlyPath(x))):
		return no("it runs %s, which starts others", x.Link)
	}
	if in := q.writtenAsItStarted(); !in.applies {
		return in
	}
	if e.ParentRuns.State == fact.Unread {
		return finding{need: NeedParent}
	}
	what, when, file := "the script "+d.Path+" has become", "as it started", FileUnknown
	switch {
	case d.Script == nil && d.ledTo(e.Exe.Value):
		what, file = d.Path+" leads to "+d.Real+", and it runs", FileReplaced
	case d.Script == nil && d.movedTo(e):
		what, file = "it was started as "+d.Base()+", which has been moved to", FileReplaced
	case d.Script == nil:
		what = "in place of " + d.Path + " it runs"
	case e.ParentRuns.Value: // a wrapper that stays, as mysqld_safe, and its daemon's own pidfile
		what = fmt.Sprintf("its parent, %d, runs the script %s, and has started", e.PPID, d.Path)
	}
	if gap := q.Pidfile.Written.Sub(e.Started); gap >= time.Second {
		when = Span(gap) + " after it started"
	}
	f := yes(Runs, file, "%s %s (%q): the pidfile was written %s, so the number has not changed hands", what, e.Exe.Value.Link, e.Comm, when)
	f.weak = true
	return f
}

// mayExecute reports that a fork is likely to execute another program at once, as shells'
// do. Others fork to put themselves into the background, and stay what they are.
func mayExecute(e fact.Evidence, name string) bool {
	return e.Forked && (slices.Contains(shells, name) || slices.Contains(starters, name))
}

var shells = []string{"sh", "ash", "bash", "dash", "ksh", "mksh", "yash", "zsh", "busybox"}

// starters run what they are given, as a child or in their own place: a pidfile that names
// one says nothing yet of the daemon.
var starters = []string{"su", "runuser", "sudo", "doas", "pkexec", "setsid", "setpriv", "nohup", "nice", "ionice", "chrt", "taskset",
	"flock", "timeout", "env", "daemon", "start-stop-daemon", "start_daemon", "unshare", "nsenter", "chroot", "script", "pidproof"}

// writtenAsItStarted reports that the pidfile was written when the process started: no
// number comes round as fast. Of the daemon's own user, whose pidfile it is, and of what
// only root can have started, that is believed of the times alone. Any other user may wait
// for a number, and for a clock that is set back: he has no more than the time in which
// nobody can have it, and a witness that the clock was kept.
func (q Question) writtenAsItStarted() finding {
	e, p := q.Evidence, q.Pidfile
	if isRoots(e) && e.File.State == fact.Unread {
		return finding{need: NeedFile}
	}
	after := e.Started.Sub(p.Written)
	owns := onlyRoots(e) || p.Owner != 0 && p.Owner == e.UID && p.Owner == e.EUID
	slack := closeSlack
	if owns {
		slack = slackOf(p)
	}
	switch isLate := Late(e, p); {
	case isLate && !owns, !isLate && after > slack:
		return no("it started %s after the pidfile was written", Span(after))
	case WrittenLong(e, p), !owns && after < -StartSlack:
		return no("it started %s before the pidfile was written", Span(-after))
	case owns && !isLate:
		return finding{applies: true}
	case e.Clock.State == fact.Unread:
		return finding{need: NeedClock}
	case isLate:
		if _, set := clockWasSet(e.Clock.Value, after); !set {
			return no("it started %s after the pidfile was written", Span(after))
		}
	case !clockWasKept(e.Clock.Value, e.Started):
		return no("it is of uid %d, and nothing shows that the clock was not set back since", e.UID)
	}
	return finding{applies: true}
}

// mayHaveBecome is became for who may not see what a process runs, which has another name
// than the daemon.
func mayHaveBecome(q Question) finding {
	d, e := q.Daemon, q.Evidence
	if ok, _ := q.Pidfile.Vouches(e.UID, e.EUID); ok && q.Pidfile.Path != "" && d.Script != nil && !mayExecute(e, e.Comm) {
		switch in := q.writtenAsItStarted(); {
		case in.need != 0:
			return in
		case in.applies:
			return yes(Plausible, FileUnknown, "its executable cannot be read (%s), but the pidfile was written as it started, and the script %s may have become any program; %s", fact.Plain(e.Exe.Err), d.Path, Remedy(e))
		}
	}
	return yes(Undecided, FileUnknown, "its executable cannot be read (%s), and its name is %q; %s", fact.Plain(e.Exe.Err), e.Comm, Remedy(e))
}

// clockWasKept finds a witness from before that is neither late nor early: the clock was
// set neither forward nor back since.
func clockWasKept(c fact.Clock, started time.Time) bool {
	return slices.ContainsFunc(c.Witnesses, func(w fact.Witness) bool {
		return w.Started.Before(started) && w.Late.Abs() <= w.Slack
	})
}

// isVersionOf reports that the daemon is an interpreter, and that this is the same one of
// another version.
func (d Daemon) isVersionOf(x fact.Exe) bool {
	stem := func(path string) string { return unversioned(filepath.Base(path)) }
	return IsInterpreter(d.Base()) && (stem(onlyPath(x)) == stem(d.Path) || stem(onlyPath(x)) == stem(d.Real))
}

// ledTo reports that a link on the daemon's path has probably led to this file before: it is
// the neighbour of where it leads now, releases/1/bin/daemon of releases/2/bin/daemon, or
// daemon-1.2 of daemon-1.3.
func (d Daemon) ledTo(x fact.Exe) bool {
	if d.Path == d.Real || d.File.State != fact.Known {
		return false
	}
	now, then := strings.Split(d.Real, "/"), strings.Split(onlyPath(x), "/")
	if len(now) != len(then) {
		return false
	}
	differ := 0
	for i := range now {
		if now[i] != then[i] {
			differ++
		}
	}
	last := len(now) - 1
	return differ == 1 && (now[last] == then[last] || unversioned(now[last]) == unversioned(then[last]))
}

// movedTo reports that the daemon's file has been moved to what a process runs, beside it
// (appd.old): the kernel's name for the process, given when it was executed, is the old one.
func (d Daemon) movedTo(e fact.Evidence) bool {
	path := onlyPath(e.Exe.Value)
	rest, longer := strings.CutPrefix(filepath.Base(path), d.Base())
	return d.File.State == fact.Known && longer && rest != "" && strings.ContainsRune(".-_~,", rune(rest[0])) &&
		filepath.Dir(path) == filepath.Dir(d.Real) && Bears(e.Comm, d.Base()) && !Bears(e.Comm, filepath.Base(path))
}

// unversioned is a name up to the version that it ends in.
func unversioned(name string) string {
	return strings.TrimRight(name, "0123456789.-")
}
