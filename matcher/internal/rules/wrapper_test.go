package rules

import (
	"strings"
	"testing"
	"time"

	"pidproof/matcher/internal/fact"
)

// Whose number may be that of a wrapper: nothing of him is the daemon's, so everything that
// an ordinary user could arrange below a number that was passed on has to be refused.
func TestWrapper(t *testing.T) {
	const root, owner, user = 0, 33, 1000
	written := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	daemon := Daemon{Name: "appd", Path: "/usr/sbin/appd", Real: "/usr/sbin/appd"}
	below := func(of ...fact.Below) fact.Fact[[]fact.Below] { return fact.Of(of) }
	child := fact.Below{PID: 20, UID: owner, EUID: owner, Proven: true}
	second, maybe := child, child
	second.PID, maybe.Proven = 21, false
	ask := func(change func(*Question)) Decision {
		q := Question{
			Daemon:  daemon,
			Pidfile: Pidfile{Path: "/run/appd.pid", State: PidfileNames, Mode: 0o644, HardLinks: 1, PID: 10, Written: written},
			Evidence: fact.Evidence{
				PID: 10, PPID: 1, Comm: "su", State: "S", Started: written, AsRoot: true,
				Exe:  fact.Of(fact.Exe{Link: "/usr/bin/su", ID: fact.FileID{Dev: 1, Ino: 2}}),
				Argv: fact.Of([]string{"su", "www"}), Below: below(child), Tree: fact.SamePlace, Root: fact.SamePlace,
				ParentRuns: fact.Of(false), File: fact.Of(fact.RunningFile{}), Locks: fact.Of(false), Clock: fact.Of(fact.Clock{}), Claims: fact.Of[[]fact.Claim](nil),
			},
		}
		change(&q)
		return Decide(q)
	}
	for _, c := range []struct {
		name   string
		change func(*Question)
		want   Outcome
		why    string
	}{
		{"su's child is another user's", func(*Question) {}, Runs, "10 (su) started 20, which runs the daemon: the pidfile names its wrapper"},
		{"the owner's own", func(q *Question) {
			q.Pidfile.Owner, q.Evidence.UID, q.Evidence.EUID = owner, owner, owner
		}, Runs, ""},
		{"an ordinary user's", func(q *Question) { q.Evidence.UID, q.Evidence.EUID = user, user }, NotThis, ""},
		{"an ordinary user's su", func(q *Question) { q.Evidence.UID = user }, NotThis, ""},
		{"root's, and a user's pidfile", func(q *Question) { q.Pidfile.Owner = owner }, NotThis, ""},
		{"the owner's, and another's child", func(q *Question) {
			q.Pidfile.Owner, q.Evidence.UID, q.Evidence.EUID = user, user, user
		}, NotThis, ""},
		{"a pidfile that everyone writes", func(q *Question) { q.Pidfile.Mode = 0o666 }, NotThis, ""},
		{"late", func(q *Question) { q.Evidence.Started = written.Add(time.Minute) }, NotThis, ""},
		{"late, as all is since the clock was set", func(q *Question) {
			q.Evidence.Started = written.Add(time.Minute)
			q.Evidence.Clock = fact.Of(fact.Clock{Witnesses: []fact.Witness{{Of: "x", Late: time.Minute, Slack: StartSlack}}})
		}, Runs, ""},
		{"written long after", func(q *Question) { q.Evidence.Started = written.Add(-time.Minute) }, Plausible, "written 60 s after its wrapper started"},
		{"two", func(q *Question) { q.Evidence.Below = below(child, second) }, Plausible, "started 20, 21, which run the daemon"},
		{"one that may run it", func(q *Question) { q.Evidence.Below = below(maybe) }, Plausible, "may run"},
		{"none", func(q *Question) { q.Evidence.Below = below() }, NotThis, ""},
		{"unreadable", func(q *Question) { q.Evidence.Below = fact.Failed[[]fact.Below](fact.ErrUntold) }, Undecided, "what runs below it"},
		{"init", func(q *Question) { q.Evidence.PID = 1 }, NotThis, ""},
		{"in a chroot", func(q *Question) { q.Evidence.Root = fact.OtherPlace }, NotThis, ""},
		{"in a user's mount tree", func(q *Question) { q.Evidence.Tree, q.Evidence.UserNS = fact.OtherPlace, fact.OtherPlace }, NotThis, ""},
		{"it was started as the daemon", func(q *Question) { q.Evidence.Argv = fact.Of([]string{"/usr/sbin/appd"}) }, Undecided, "runs /usr/bin/su"},
		{"it bears the daemon's name", func(q *Question) { q.Evidence.Comm = "appd" }, Undecided, ""},
		{"setsid -w, daemon --: the daemon is the first argument", func(q *Question) {
			q.Evidence.Argv = fact.Of([]string{"setsid", "-w", "/usr/sbin/appd"})
		}, Runs, ""},
		{"a script of the daemon's name that starts it", func(q *Question) {
			q.Evidence.Comm = "appd"
			q.Evidence.Exe.Value.Link = "/usr/bin/dash"
			q.Evidence.Argv = fact.Of([]string{"/bin/sh", "/usr/local/sbin/appd"})
		}, Runs, ""},
	} {
		got := ask(c.change)
		if got.Need != 0 || got.Outcome != c.want || !strings.Contains(got.Why, c.why) {
			t.Errorf("%s: got %s by %s (%s; needs %d), want %s", c.name, got.Outcome, got.Rule, got.Why, got.Need, c.want)
		}
	}
}

// A pidfile speaks for what is below its process only where it is that daemon's: cron and
// sshd have some, too.
func TestStandsFor(t *testing.T) {
	d := Daemon{Name: "appd", Path: "/usr/sbin/appd", Real: "/usr/sbin/appd"}
	for _, c := range []struct {
		argv    []string
		pidfile string
		want    bool
	}{
		{[]string{"su", "-c", "exec /usr/sbin/appd -f"}, "/run/x.pid", true},
		{[]string{"sh", "run"}, "/run/appd.pid", true},
		{[]string{"sh", "run"}, "/run/appd/main.pid", true},
		{[]string{"cron"}, "/run/crond.pid", false},
		{[]string{"sshd"}, "/run/sshd.pid", false},
		{nil, "/run/main.pid", false},
	} {
		if got := d.StandsFor(fact.Evidence{Argv: fact.Of(c.argv)}, c.pidfile); got != c.want {
			t.Errorf("%q, %s: got %v", c.argv, c.pidfile, got)
		}
	}
}
