package rules

import (
	"testing"
	"time"

	"pidproof/matcher/internal/fact"
)

// Who beside the first is a main process: a number on a later line may be a port, and
// whoever has it as his PID may have waited for it.
func TestJoins(t *testing.T) {
	const root, daemons, user = 0, 33, 1000
	written := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	file := func(inode uint64) fact.Fact[fact.Exe] {
		return fact.Of(fact.Exe{Link: "/usr/sbin/daemon", ID: fact.FileID{Dev: 1, Ino: inode}})
	}
	named := func(uid int, d Decision, started time.Duration, exe fact.Fact[fact.Exe]) Named {
		return Named{fact.Evidence{PID: 20, UID: uid, EUID: uid, Exe: exe, Started: written.Add(started)}, d}
	}
	runs, weak := Decision{Outcome: Runs}, Decision{Outcome: Runs, Weak: true}
	first := named(daemons, runs, 0, file(1))
	first.Evidence.PID = 10
	onLine := Pidfile{Path: "/run/d.pid", Mode: 0o644, HardLinks: 1, PID: 10, Lines: []int{20}, Written: written}
	after := onLine
	after.Lines, after.Rest = nil, []int{20}
	theirs := onLine
	theirs.Owner = daemons
	for _, c := range []struct {
		name    string
		pidfile Pidfile
		first   *Named
		n       Named
		want    Outcome
	}{
		{"nbproc: of the first one's user", onLine, &first, named(daemons, runs, 0, file(1)), Runs},
		{"a master of root's", onLine, &first, named(root, runs, 0, file(1)), Runs},
		{"a user's, who has the port for his PID", onLine, &first, named(user, runs, 0, file(1)), NotThis},
		{"another program", onLine, &first, named(daemons, Decision{Outcome: NotThis}, 0, file(2)), NotThis},
		{"a port whose process cannot be told", onLine, &first, named(daemons, Decision{}, 0, file(2)), NotThis},
		{"a PID whose process cannot be told", after, &first, named(daemons, Decision{}, 0, file(2)), Undecided},
		{"by its number alone, another program", onLine, &first, named(daemons, weak, 0, file(2)), NotThis},
		{"by its number alone, the first one's program", onLine, &first, named(daemons, weak, 0, file(1)), Runs},
		{"by its number alone, what it runs unread", after, &first, named(daemons, weak, 0, fact.Fact[fact.Exe]{}), NotThis},
		{"the first is over", onLine, nil, named(daemons, runs, 0, file(1)), Runs},
		{"the first is over, a user's of before", onLine, nil, named(user, runs, -time.Minute, file(1)), NotThis},
		{"the first is over, a user's of after", onLine, nil, named(user, runs, time.Minute, file(1)), NotThis},
		{"the first is over, root's of before", onLine, nil, named(root, runs, -time.Minute, file(1)), Runs},
		{"the first is over, the owner's of before", theirs, nil, named(daemons, runs, -time.Minute, file(1)), Runs},
		{"the first is over, little speaks for it", after, nil, named(root, weak, 0, file(1)), NotThis},
	} {
		if got, why := Joins(c.pidfile, c.first, c.n); got != c.want {
			t.Errorf("%s: got %s (%s), want %s", c.name, got, why, c.want)
		}
	}
}
