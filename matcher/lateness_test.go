package matcher

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A number that was recycled, and a clock that was set, look alike: only witnesses tell
// them apart. An ordinary user can fork until a number of root's stale pidfile comes
// round, and execute the daemon's own program.
func TestLateness(t *testing.T) {
	written := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const span = time.Hour
	started := written.Add(span)
	daemon := Daemon{Path: "/usr/sbin/d", Real: "/usr/sbin/d", File: known(FileID{8, 42}), DirDev: 8}
	of := func(uid int) Evidence {
		return Evidence{
			PID: 7, PPID: 1, Comm: "d", State: "S", UID: uid, EUID: uid, AsRoot: true, Started: started, PIDNS: SamePlace, Tree: SamePlace, Root: SamePlace,
			Exe: known(Exe{Link: "/usr/sbin/d", ID: FileID{8, 42}}), Argv: known([]string{"/usr/sbin/d"}),
			Locks: known(false), ParentRuns: known(false), Claims: known([]Claim(nil)), Filesystem: known(SamePlace),
		}
	}
	other := func(uid int) Evidence { // another program, which goes by the daemon's name
		e := of(uid)
		e.Exe = known(Exe{Link: "/tmp/d", ID: FileID{8, 43}})
		return e
	}
	before, after := started.Add(-time.Minute), started.Add(time.Minute)
	set := Witness{Of: "set", Started: before, Late: span - time.Second, Slack: startSlack}
	notSet := Witness{Of: "not set", Started: before, Slack: startSlack}
	for name, c := range map[string]struct {
		daemon  Daemon
		e       Evidence
		clock   Clock
		rule    Rule
		outcome Outcome
	}{
		"root's, no witness":                  {daemon, of(0), Clock{}, RuleSameFile, Runs},
		"root's, the clock was not set":       {daemon, of(0), Clock{Witnesses: []Witness{notSet}}, RuleSameFile, Runs},
		"a user's, no witness":                {daemon, of(33), Clock{}, RuleLate, Undecided},
		"a user's, late as a witness":         {daemon, of(33), Clock{Witnesses: []Witness{notSet, set}}, RuleSameFile, Runs},
		"a user's, the clock was not set":     {daemon, of(33), Clock{Witnesses: []Witness{notSet}}, RuleRecycled, NotThis},
		"a user's, set by another span":       {daemon, of(33), Clock{Witnesses: []Witness{{Started: before, Late: span - 3*time.Second, Slack: startSlack}}}, RuleLate, Undecided},
		"a user's, a witness from after":      {daemon, of(33), Clock{Witnesses: []Witness{{Started: after, Slack: startSlack}}}, RuleLate, Undecided},
		"a user's of the daemon's name":       {daemon, other(33), Clock{Witnesses: []Witness{notSet}}, RuleRecycled, NotThis},
		"the same, no witness":                {daemon, other(33), Clock{}, RuleLate, Undecided},
		"root's of the daemon's name":         {daemon, other(0), Clock{Witnesses: []Witness{notSet}}, RuleLate, Undecided},
		"the same, from before the boot":      {daemon, other(0), Clock{Began: before, SinceBoot: true, Witnesses: []Witness{notSet}}, RuleRecycled, NotThis},
		"root's own, from before the boot":    {daemon, of(0), Clock{Began: before, SinceBoot: true, Witnesses: []Witness{notSet}}, RuleSameFile, Runs},
		"number alone, root's":                {Daemon{}, of(0), Clock{}, RuleLate, Undecided},
		"number alone, from before the boot":  {Daemon{}, of(0), Clock{Began: before, SinceBoot: true, Witnesses: []Witness{notSet}}, RuleRecycled, NotThis},
		"number alone, late as a witness":     {Daemon{}, of(33), Clock{Witnesses: []Witness{set}}, RuleNumber, Runs},
		"number alone, a user's, like a name": {Daemon{}, func() Evidence { e := of(33); e.Comm = "pidfile"; return e }(), Clock{}, RuleLate, Undecided},
		"number alone, root's, like a name":   {Daemon{}, func() Evidence { e := of(0); e.Comm = "pidfile"; return e }(), Clock{}, RuleNumber, Runs},
	} {
		c.e.Clock = known(c.clock)
		pidfile := Pidfile{Path: "/run/pidfile.pid", State: PidfileNames, PID: 7, Mode: 0o644, HardLinks: 1, Written: written}
		d := decide(question{daemon: c.daemon, pidfile: pidfile, evidence: c.e})
		if d.Rule != c.rule || d.Outcome != c.outcome || d.need != 0 {
			t.Errorf("%s: got %s, %s (%s), need %b; want %s, %s", name, d.Rule, d.Outcome, d.Why, d.need, c.rule, c.outcome)
		}
	}
}

// What says of itself that it is the daemon is believed only if its file speaks for it:
// anybody runs /bin/sleep as /usr/sbin/d.
func TestPerhapsMoved(t *testing.T) {
	daemon := Daemon{Path: "/usr/sbin/d", Real: "/usr/sbin/d", File: known(FileID{8, 42}), DirDev: 8, Owner: 34}
	e := func(link string, argv0 string, file Fact[RunningFile]) Evidence {
		return Evidence{
			PID: 7, PPID: 1, Comm: "d", State: "S", UID: 33, PIDNS: SamePlace, Tree: SamePlace, Root: SamePlace,
			Exe: known(Exe{Link: link, ID: FileID{8, 43}}), Argv: known([]string{argv0}), File: file,
		}
	}
	untold := e("/opt/x", "", known(RunningFile{Changed: true}))
	untold.Argv = Fact[[]string]{State: Unreadable, Err: errUntold}
	moved, long := known(RunningFile{Changed: true}), known(RunningFile{})
	for name, c := range map[string]struct {
		e    Evidence
		want Outcome
	}{
		"renamed":                          {e("/opt/x", "/usr/sbin/d", moved), Undecided},
		"renamed and removed":              {e("/opt/x (deleted)", "/usr/sbin/d", moved), Undecided},
		"renamed, started by its name":     {e("/opt/x", "d", moved), Undecided},
		"renamed, started from its folder": {e("/opt/x", "sbin/d", known(RunningFile{Changed: true, Directory: "/usr"})), Undecided},
		"the same, it has left the folder": {e("/opt/x", "sbin/d", known(RunningFile{Changed: true, Directory: "/"})), Undecided},
		"renamed, from another folder":     {e("/opt/x", "sbin/d", known(RunningFile{Changed: true, Directory: "/opt"})), NotThis},
		"another of its name, replaced":    {e("/opt/d (deleted)", "./d", known(RunningFile{Changed: true, Directory: "/opt"})), NotThis},
		"the same, by its name":            {e("/opt/d (deleted)", "d", known(RunningFile{Changed: true, Directory: "/"})), NotThis},
		"moved to another folder":          {e("/opt/d", "./d", known(RunningFile{Changed: true, Directory: "/usr/sbin"})), Undecided},
		"of the daemon's owner":            {e("/opt/x", "/usr/sbin/d", known(RunningFile{Owner: 34, Changed: true})), Undecided},
		"in a renamed directory":           {e("/usr/sbin.old/d", "/usr/sbin/d", long), Undecided},
		"a file that was always there":     {e("/bin/sleep", "/usr/sbin/d", long), NotThis},
		"a user's own file":                {e("/tmp/d", "/usr/sbin/d", known(RunningFile{Owner: 33, Changed: true})), NotThis},
		"started as another":               {e("/opt/x", "/opt/d", moved), NotThis},
		"an interpreter":                   {e("/usr/bin/python3.11", "/usr/sbin/d", moved), NotThis},
		"a file that cannot be read":       {e("/opt/x", "/usr/sbin/d", failed[RunningFile](unix.EIO)), Undecided},
		"arguments that cannot be read":    {untold, Undecided},
	} {
		if d := decide(question{daemon: daemon, evidence: c.e}); d.Outcome != c.want || d.need != 0 {
			t.Errorf("%s: got %s %s (%s), need %b; want %s", name, d.Rule, d.Outcome, d.Why, d.need, c.want)
		}
	}
}
