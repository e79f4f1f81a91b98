package rules

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// Who may be taken for a script that has become another program: nobody whom an ordinary
// user could have put under its number.
func TestBecame(t *testing.T) {
	const tomcat, mallory = 101, 1000
	written := time.Date(2026, 1, 2, 3, 4, 5, 5e8, time.UTC)
	shell := fact.FileID{Dev: 8, Ino: 7}
	kept := fact.Witness{Of: "/run/sshd.pid of process 5", Started: written.Add(-time.Hour), Late: 10 * time.Millisecond, Slack: StartSlack}
	setForward := fact.Witness{Of: "/run/sshd.pid of process 5", Started: written.Add(-time.Hour), Late: time.Hour, Slack: StartSlack}
	setBack := fact.Witness{Of: "/run/sshd.pid of process 5", Started: written.Add(-time.Hour), Late: -5 * time.Second, Slack: StartSlack}
	later := fact.Witness{Of: "/run/cron.pid of process 9", Started: written.Add(time.Hour), Slack: StartSlack}

	as := func(uid, owner int, started time.Duration, witnesses ...fact.Witness) Question {
		return Question{
			Daemon: Daemon{Path: "/usr/bin/catalina.sh", Real: "/usr/bin/catalina.sh", File: fact.Of(fact.FileID{Dev: 8, Ino: 42}), DirDev: 8,
				Script: &Interpreter{Path: "/bin/sh", Real: "/bin/dash", File: fact.Of(shell)}},
			Pidfile: Pidfile{Path: "/run/tomcat.pid", State: PidfileNames, PID: 7, Owner: owner, Mode: 0o644, HardLinks: 1, Written: written},
			Evidence: fact.Evidence{
				PID: 7, PPID: 1, Comm: "java", State: "S", UID: uid, EUID: uid, Started: written.Add(started),
				PIDNS: fact.SamePlace, Tree: fact.SamePlace, Root: fact.SamePlace,
				Exe: fact.Of(fact.Exe{Link: "/usr/lib/jvm/bin/java", ID: fact.FileID{Dev: 8, Ino: 50}}), Argv: fact.Of([]string{"java", "-server"}),
				Locks: fact.Of(false), ParentRuns: fact.Of(false), Claims: fact.Of([]fact.Claim(nil)), Scripts: []fact.ScriptFile{},
				Below: fact.Of([]fact.Below(nil)), File: fact.Of(fact.RunningFile{}), Filesystem: fact.Of(fact.SamePlace), Clock: fact.Of(fact.Clock{Witnesses: witnesses}),
			},
		}
	}
	but := func(s Question, change func(*Question)) Question {
		change(&s)
		return s
	}
	for _, c := range []struct {
		name    string
		s       Question
		rule    Rule
		outcome Outcome
	}{
		{"root's, and root's pidfile", as(0, 0, 0), RuleBecame, Runs},
		{"root's, which wrote it after 9 s", as(0, 0, -9*time.Second), RuleBecame, Runs},
		{"root's, which wrote it after 11 s", as(0, 0, -11*time.Second), RuleMismatch, NotThis},
		{"root's, started within a jiffy after it", as(0, 0, 20*time.Millisecond), RuleBecame, Runs},
		{"the daemon's user's own pidfile", as(tomcat, tomcat, -8*time.Second), RuleBecame, Runs},
		{"root's pidfile, start-stop-daemon --chuid --make-pidfile", as(tomcat, 0, -100*time.Millisecond, kept), RuleBecame, Runs},

		{"root's, in a file system that keeps seconds only", but(as(0, 0, 0), func(q *Question) {
			q.Pidfile.Written = written.Truncate(time.Second)
		}), RuleBecame, Runs},
		{"a user's, in a file system that keeps seconds only", but(as(mallory, 0, 0, kept), func(q *Question) {
			q.Pidfile.Written = written.Truncate(time.Second)
		}), RuleContradicted, Undecided},

		// A number that came round at once, as in a storm of forks.
		{"it came round in half a second", as(0, 0, 500*time.Millisecond, kept), RuleContradicted, Undecided},
		{"it came round in half a second, a user's", as(mallory, 0, 500*time.Millisecond, kept), RuleContradicted, Undecided},
		{"it came round in three seconds", as(0, 0, 3*time.Second, kept), RuleMismatch, NotThis},
		{"it came round in three seconds, a user's", as(mallory, 0, 3*time.Second, kept), RuleMismatch, NotThis},
		{"it had come round before the pidfile was written", as(mallory, 0, -3*time.Second, kept), RuleContradicted, Undecided},
		// A user waits for a clock that was set back to come to the time of the pidfile.
		{"a user's, and no witness", as(mallory, 0, -100*time.Millisecond), RuleContradicted, Undecided},
		{"a user's, and the clock was set back", as(mallory, 0, -100*time.Millisecond, setBack), RuleContradicted, Undecided},
		{"a user's, and a witness from after it", as(mallory, 0, -100*time.Millisecond, later), RuleContradicted, Undecided},
		{"a user's, of a file that runs as root", but(as(0, 0, -100*time.Millisecond), func(q *Question) {
			q.Evidence.File = fact.Of(fact.RunningFile{Setuid: true})
		}), RuleContradicted, Undecided},
		// The clock was set forward: all look late by the same.
		{"set forward", as(0, 0, time.Hour, setForward), RuleBecame, Runs},
		{"set forward, the daemon's user's", as(tomcat, tomcat, time.Hour, setForward), RuleBecame, Runs},
		{"set forward, a user's", as(mallory, 0, time.Hour, setForward), RuleMismatch, NotThis},
		{"set forward by less", as(0, 0, 2*time.Hour, setForward), RuleMismatch, NotThis},

		{"another user's pidfile", as(0, tomcat, 0), RuleUntrusted, Undecided},
		{"his own pidfile, but another's process", as(mallory, tomcat, 0, kept), RuleUntrusted, Undecided},
		{"everybody's pidfile", but(as(0, 0, 0), func(q *Question) { q.Pidfile.Mode = 0o666 }), RuleUntrusted, Undecided},
		{"no pidfile", but(as(0, 0, 0), func(q *Question) { q.Pidfile = Pidfile{} }), RuleMismatch, NotThis},

		// courier-authdaemon's script becomes courierlogger, which forks: that is no shell's child before it executes something.
		{"a fork, in the background", but(as(0, 0, 0), func(q *Question) { q.Evidence.Forked = true }), RuleBecame, Runs},
		{"a fork of the script's shell", but(as(0, 0, 0), func(q *Question) {
			q.Evidence.Forked, q.Evidence.Exe.Value = true, fact.Exe{Link: "/usr/bin/dash", ID: shell}
		}), RuleContradicted, Undecided},
		{"a fork of another shell", but(as(0, 0, 0), func(q *Question) { q.Evidence.Forked, q.Evidence.Exe.Value.Link = true, "/usr/bin/bash" }), RuleContradicted, Undecided},
		{"su", but(as(0, 0, 0), func(q *Question) { q.Evidence.Exe.Value.Link = "/usr/bin/su (deleted)" }), RuleContradicted, Undecided},
		{"init", but(as(0, 0, 0), func(q *Question) { q.Evidence.PID, q.Evidence.PPID = 1, 0 }), RuleMismatch, NotThis},
		{"pidproof", but(as(0, 0, 0), func(q *Question) { q.Evidence.Ourselves = true }), RuleMismatch, NotThis},
		{"in a chroot", but(as(0, 0, 0), func(q *Question) { q.Evidence.Root = fact.OtherPlace }), RuleMismatch, NotThis},
		{"in a user's mount tree", but(as(0, 0, 0), func(q *Question) { q.Evidence.Tree, q.Evidence.UserNS = fact.OtherPlace, fact.OtherPlace }), RuleContradicted, Undecided},
		{"of a daemon that is no script", but(as(0, 0, 0), func(q *Question) { q.Daemon.Script = nil }), RuleMismatch, NotThis},
		{"of a daemon that is java, in another place", but(as(0, 0, 0), func(q *Question) { q.Daemon = Daemon{Path: "/usr/bin/java", Real: "/usr/bin/java"} }), RuleBecame, Runs},
		{"of a daemon that is perl", but(as(0, 0, 0), func(q *Question) { q.Daemon = Daemon{Path: "/usr/bin/perl", Real: "/usr/bin/perl"} }), RuleMismatch, NotThis},

		{"seen by an ordinary user", but(as(tomcat, tomcat, 0), func(q *Question) { q.Evidence.Exe = fact.Failed[fact.Exe](unix.EACCES) }), RuleUnreadable, Plausible},
		{"a fork, seen by an ordinary user", but(as(tomcat, tomcat, 0), func(q *Question) {
			q.Evidence.Forked, q.Evidence.Exe = true, fact.Failed[fact.Exe](unix.EACCES)
		}), RuleUnreadable, Plausible},
		{"a shell's fork, seen by an ordinary user", but(as(tomcat, tomcat, 0), func(q *Question) {
			q.Evidence.Forked, q.Evidence.Comm, q.Evidence.Exe = true, "bash", fact.Failed[fact.Exe](unix.EACCES)
		}), RuleUnreadable, Undecided},
		{"late, seen by an ordinary user", but(as(tomcat, tomcat, time.Minute), func(q *Question) { q.Evidence.Exe = fact.Failed[fact.Exe](unix.EACCES) }), RuleUnreadable, Undecided},
		{"a user's, seen by another", but(as(mallory, tomcat, 0), func(q *Question) { q.Evidence.Exe = fact.Failed[fact.Exe](unix.EACCES) }), RuleUnreadable, Undecided},
	} {
		if d := Decide(c.s); d.Rule != c.rule || d.Outcome != c.outcome || d.Need != 0 || d.Outcome == Runs && !d.Weak {
			t.Errorf("%s: got %s, %s (%s), need %b; want %s, %s", c.name, d.Rule, d.Outcome, d.Why, d.Need, c.rule, c.outcome)
		}
	}
}
