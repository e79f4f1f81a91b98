package rules

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// A number that was recycled, and a clock that was set, look alike: only witnesses tell
// them apart. An ordinary user can fork until a number of root's stale pidfile comes
// round, and execute the daemon's own program.
func TestLateness(t *testing.T) {
	written := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const span = time.Hour
	started := written.Add(span)
	daemon := Daemon{Path: "/usr/sbin/d", Real: "/usr/sbin/d", File: fact.Of(fact.FileID{Dev: 8, Ino: 42}), DirDev: 8}
	of := func(uid int) fact.Evidence {
		return fact.Evidence{
			PID: 7, PPID: 1, Comm: "d", State: "S", UID: uid, EUID: uid, AsRoot: true, Started: started, PIDNS: fact.SamePlace, Tree: fact.SamePlace, Root: fact.SamePlace,
			Exe: fact.Of(fact.Exe{Link: "/usr/sbin/d", ID: fact.FileID{Dev: 8, Ino: 42}}), Argv: fact.Of([]string{"/usr/sbin/d"}),
			File: fact.Of(fact.RunningFile{}), Locks: fact.Of(false), ParentRuns: fact.Of(false), Claims: fact.Of([]fact.Claim(nil)), Filesystem: fact.Of(fact.SamePlace),
		}
	}
	other := func(uid int) fact.Evidence { // another program, which goes by the daemon's name
		e := of(uid)
		e.Exe = fact.Of(fact.Exe{Link: "/tmp/d", ID: fact.FileID{Dev: 8, Ino: 43}})
		return e
	}
	setuid := of(0) // exim4: anybody may have started it
	setuid.File = fact.Of(fact.RunningFile{Setuid: true})
	unread := of(33)
	unread.Claims = fact.Fact[[]fact.Claim]{State: fact.Unreadable, Err: unix.EMFILE}
	before, after := started.Add(-time.Minute), started.Add(time.Minute)
	set := fact.Witness{Of: "set", Started: before, Late: span - time.Second, Slack: StartSlack}
	notSet := fact.Witness{Of: "not set", Started: before, Slack: StartSlack}
	for name, c := range map[string]struct {
		daemon  Daemon
		e       fact.Evidence
		clock   fact.Clock
		rule    Rule
		outcome Outcome
	}{
		"root's, no witness":                  {daemon, of(0), fact.Clock{}, RuleSameFile, Runs},
		"root's, the clock was not set":       {daemon, of(0), fact.Clock{Witnesses: []fact.Witness{notSet}}, RuleSameFile, Runs},
		"root's, setuid, no witness":          {daemon, setuid, fact.Clock{}, RuleLate, Undecided},
		"root's, setuid, not set":             {daemon, setuid, fact.Clock{Witnesses: []fact.Witness{notSet}}, RuleRecycled, NotThis},
		"root's, setuid, late as a witness":   {daemon, setuid, fact.Clock{Witnesses: []fact.Witness{set}}, RuleSameFile, Runs},
		"others' pidfiles cannot be read":     {daemon, unread, fact.Clock{}, RuleLate, Undecided},
		"the same, the clock was not set":     {daemon, unread, fact.Clock{Witnesses: []fact.Witness{notSet}}, RuleRecycled, NotThis},
		"a user's, no witness":                {daemon, of(33), fact.Clock{}, RuleLate, Undecided},
		"a user's, late as a witness":         {daemon, of(33), fact.Clock{Witnesses: []fact.Witness{notSet, set}}, RuleSameFile, Runs},
		"a user's, the clock was not set":     {daemon, of(33), fact.Clock{Witnesses: []fact.Witness{notSet}}, RuleRecycled, NotThis},
		"a user's, set by another span":       {daemon, of(33), fact.Clock{Witnesses: []fact.Witness{{Started: before, Late: span - 3*time.Second, Slack: StartSlack}}}, RuleLate, Undecided},
		"a user's, a witness from after":      {daemon, of(33), fact.Clock{Witnesses: []fact.Witness{{Started: after, Slack: StartSlack}}}, RuleLate, Undecided},
		"a user's of the daemon's name":       {daemon, other(33), fact.Clock{Witnesses: []fact.Witness{notSet}}, RuleRecycled, NotThis},
		"the same, no witness":                {daemon, other(33), fact.Clock{}, RuleLate, Undecided},
		"root's of the daemon's name":         {daemon, other(0), fact.Clock{Witnesses: []fact.Witness{notSet}}, RuleLate, Undecided},
		"the same, from before the boot":      {daemon, other(0), fact.Clock{Began: before, SinceBoot: true, Witnesses: []fact.Witness{notSet}}, RuleRecycled, NotThis},
		"root's own, from before the boot":    {daemon, of(0), fact.Clock{Began: before, SinceBoot: true, Witnesses: []fact.Witness{notSet}}, RuleSameFile, Runs},
		"number alone, root's":                {Daemon{}, of(0), fact.Clock{}, RuleLate, Undecided},
		"number alone, from before the boot":  {Daemon{}, of(0), fact.Clock{Began: before, SinceBoot: true, Witnesses: []fact.Witness{notSet}}, RuleRecycled, NotThis},
		"number alone, late as a witness":     {Daemon{}, of(33), fact.Clock{Witnesses: []fact.Witness{set}}, RuleNumber, Runs},
		"number alone, a user's, like a name": {Daemon{}, func() fact.Evidence { e := of(33); e.Comm = "pidfile"; return e }(), fact.Clock{}, RuleLate, Undecided},
		"number alone, root's, like a name":   {Daemon{}, func() fact.Evidence { e := of(0); e.Comm = "pidfile"; return e }(), fact.Clock{}, RuleNumber, Runs},
	} {
		c.e.Clock = fact.Of(c.clock)
		pidfile := Pidfile{Path: "/run/pidfile.pid", State: PidfileNames, PID: 7, Mode: 0o644, HardLinks: 1, Written: written}
		d := Decide(Question{Daemon: c.daemon, Pidfile: pidfile, Evidence: c.e})
		if d.Rule != c.rule || d.Outcome != c.outcome || d.Need != 0 {
			t.Errorf("%s: got %s, %s (%s), need %b; want %s, %s", name, d.Rule, d.Outcome, d.Why, d.Need, c.rule, c.outcome)
		}
	}
}

// A number comes round in less than the two seconds that a late start is given: where the
// clock was not set, nobody but root needs them.
func TestCloselyLate(t *testing.T) {
	written := time.Date(2026, 1, 2, 3, 4, 5, 1, time.UTC)
	onTime := fact.Witness{Of: "on time", Started: written.Add(-time.Hour), Slack: StartSlack}
	half := fact.Witness{Of: "half a second late", Started: written.Add(-time.Hour), Late: time.Second / 2, Slack: StartSlack}
	for name, c := range map[string]struct {
		uid       int
		written   time.Time
		after     time.Duration
		witnesses []fact.Witness
		outcome   Outcome
		setuid    bool
	}{
		"root's, setuid, a second later":           {0, written, time.Second, []fact.Witness{onTime}, Undecided, true},
		"a user's, a second later":                 {33, written, time.Second, []fact.Witness{onTime}, Undecided, false},
		"root's, a second later":                   {0, written, time.Second, []fact.Witness{onTime}, Runs, false},
		"a user's, within a jiffy":                 {33, written, 90 * time.Millisecond, []fact.Witness{onTime}, Runs, false},
		"a user's, and nobody knows of the clock":  {33, written, time.Second, nil, Runs, false},
		"a user's, and the clock was set a little": {33, written, time.Second, []fact.Witness{half}, Runs, false},
		"a file system without fractions":          {33, written.Truncate(time.Second), time.Second, []fact.Witness{onTime}, Runs, false},
	} {
		for _, daemon := range []Daemon{{}, {Path: "/usr/sbin/d", Real: "/usr/sbin/d", File: fact.Of(fact.FileID{Dev: 8, Ino: 42})}} {
			d := Decide(Question{
				Daemon:  daemon,
				Pidfile: Pidfile{Path: "/run/d.pid", State: PidfileNames, PID: 7, Mode: 0o644, HardLinks: 1, Written: c.written},
				Evidence: fact.Evidence{
					PID: 7, PPID: 1, Comm: "d", UID: c.uid, EUID: c.uid, Started: c.written.Add(c.after), PIDNS: fact.SamePlace, Tree: fact.SamePlace, Root: fact.SamePlace,
					Exe: fact.Of(fact.Exe{Link: "/usr/sbin/d", ID: fact.FileID{Dev: 8, Ino: 42}}), ParentRuns: fact.Of(false),
					Clock: fact.Of(fact.Clock{Witnesses: c.witnesses}), File: fact.Of(fact.RunningFile{Setuid: c.setuid}),
				},
			})
			if d.Outcome != c.outcome || d.Need != 0 {
				t.Errorf("%s, of %q: got %s, %s (%s), need %b; want %s", name, daemon.Path, d.Rule, d.Outcome, d.Why, d.Need, c.outcome)
			}
		}
	}
}

// A clock that was set back brings the time of root's stale pidfile once more: who gets the number before has started
// before the file was written, and looks like who wrote it.
func TestPidfileAhead(t *testing.T) {
	written := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	daemon := Daemon{Path: "/usr/sbin/d", Real: "/usr/sbin/d", File: fact.Of(fact.FileID{Dev: 8, Ino: 42}), DirDev: 8}
	shell := Daemon{Path: "/bin/sh", Real: "/bin/sh", File: fact.Of(fact.FileID{Dev: 8, Ino: 42}), DirDev: 8}
	const back = -time.Hour
	set := []fact.Witness{{Of: "set back", Late: back - time.Second, Slack: StartSlack}}
	further := []fact.Witness{{Of: "set back further", Late: back - time.Minute, Slack: StartSlack}}
	for name, c := range map[string]struct {
		daemon Daemon
		uid    int
		comm   string
		setuid bool
		owner  int
		starts time.Duration // after it was written
		ahead  time.Duration // of now
		clock  []fact.Witness
		want   Outcome
	}{
		"root's":                                 {daemon, 0, "d", false, 0, back, time.Minute, nil, Runs},
		"root's, setuid":                         {daemon, 0, "d", true, 0, back, time.Minute, nil, Undecided},
		"a user's":                               {daemon, 33, "d", false, 0, back, time.Minute, nil, Undecided},
		"a user's, just now":                     {daemon, 33, "d", false, 0, -5 * time.Second, 4 * time.Second, nil, Undecided},
		"a user's, by the span of a witness":     {daemon, 33, "d", false, 0, back, time.Minute, set, Runs},
		"a user's, by another":                   {daemon, 33, "d", false, 0, back, time.Minute, further, Undecided},
		"a user's, the time has passed":          {daemon, 33, "d", false, 0, back, -time.Minute, nil, Runs},
		"a user's, as coarse clocks have it":     {daemon, 33, "d", false, 0, 0, time.Second, nil, Runs},
		"a user's, by a pidfile of his":          {daemon, 33, "d", false, 33, back, time.Minute, nil, Runs},
		"an interpreter, root's":                 {shell, 0, "sh", false, 0, back, time.Minute, nil, Undecided},
		"number alone, root's":                   {Daemon{}, 0, "x", false, 0, back, time.Minute, nil, Undecided},
		"number alone, root's, like a name":      {Daemon{}, 0, "pidfile", false, 0, back, time.Minute, nil, Runs},
		"number alone, a user's, like a name":    {Daemon{}, 33, "pidfile", false, 0, back, time.Minute, nil, Undecided},
		"number alone, by the span of witness":   {Daemon{}, 33, "x", false, 0, back, time.Minute, set, Runs},
		"number alone, the time has passed":      {Daemon{}, 0, "x", false, 0, back, -time.Minute, nil, Runs},
		"number alone, setuid, like the name":    {Daemon{}, 0, "pidfile", true, 0, back, time.Minute, nil, Undecided},
		"an interpreter, by the span of one":     {shell, 0, "sh", false, 0, back, time.Minute, set, Runs},
		"an interpreter, and the time is passed": {shell, 0, "sh", false, 0, back, -time.Minute, nil, Runs},
	} {
		d := Decide(Question{
			Daemon:  c.daemon,
			Pidfile: Pidfile{Path: "/run/pidfile.pid", State: PidfileNames, PID: 7, Mode: 0o644, HardLinks: 1, Owner: c.owner, Written: written, Ahead: c.ahead},
			Evidence: fact.Evidence{
				PID: 7, PPID: 1, Comm: c.comm, State: "S", UID: c.uid, EUID: c.uid, AsRoot: true, Started: written.Add(c.starts), PIDNS: fact.SamePlace, Tree: fact.SamePlace, Root: fact.SamePlace,
				Exe: fact.Of(fact.Exe{Link: "/usr/sbin/d", ID: fact.FileID{Dev: 8, Ino: 42}}), Argv: fact.Of([]string{"x"}), Locks: fact.Of(false),
				ParentRuns: fact.Of(false), Claims: fact.Of([]fact.Claim(nil)), Filesystem: fact.Of(fact.SamePlace),
				Clock: fact.Of(fact.Clock{SetBack: c.clock}), File: fact.Of(fact.RunningFile{Setuid: c.setuid}),
			},
		})
		if d.Outcome != c.want || d.Need != 0 {
			t.Errorf("%s: got %s, %s (%s), need %b; want %s", name, d.Rule, d.Outcome, d.Why, d.Need, c.want)
		}
	}
}

// What says of itself that it is the daemon is believed only if its file speaks for it:
// anybody runs /bin/sleep as /usr/sbin/d.
func TestPerhapsMoved(t *testing.T) {
	daemon := Daemon{Path: "/usr/sbin/d", Real: "/usr/sbin/d", File: fact.Of(fact.FileID{Dev: 8, Ino: 42}), DirDev: 8, Owner: 34}
	e := func(link string, argv0 string, file fact.Fact[fact.RunningFile]) fact.Evidence {
		return fact.Evidence{
			PID: 7, PPID: 1, Comm: "d", State: "S", UID: 33, PIDNS: fact.SamePlace, Tree: fact.SamePlace, Root: fact.SamePlace,
			Exe: fact.Of(fact.Exe{Link: link, ID: fact.FileID{Dev: 8, Ino: 43}}), Argv: fact.Of([]string{argv0}), File: file, Filesystem: fact.Of(fact.SamePlace),
		}
	}
	bound := e("/home/u/d", "/usr/sbin/d", fact.Of(fact.RunningFile{}))
	bound.Filesystem = fact.Fact[fact.Place]{State: fact.Absent}
	untold := e("/opt/x", "", fact.Of(fact.RunningFile{Changed: true}))
	untold.Argv = fact.Fact[[]string]{State: fact.Unreadable, Err: fact.ErrUntold}
	moved, long := fact.Of(fact.RunningFile{Changed: true}), fact.Of(fact.RunningFile{})
	for name, c := range map[string]struct {
		e    fact.Evidence
		want Outcome
	}{
		"renamed":                           {e("/opt/x", "/usr/sbin/d", moved), Undecided},
		"renamed and removed":               {e("/opt/x (deleted)", "/usr/sbin/d", moved), Undecided},
		"renamed, started by its name":      {e("/opt/x", "d", moved), Undecided},
		"renamed, started from its folder":  {e("/opt/x", "sbin/d", fact.Of(fact.RunningFile{Changed: true, Directory: "/usr"})), Undecided},
		"the same, it has left the folder":  {e("/opt/x", "sbin/d", fact.Of(fact.RunningFile{Changed: true, Directory: "/"})), Undecided},
		"renamed, from another folder":      {e("/opt/x", "sbin/d", fact.Of(fact.RunningFile{Changed: true, Directory: "/opt"})), NotThis},
		"another of its name, replaced":     {e("/opt/d (deleted)", "./d", fact.Of(fact.RunningFile{Changed: true, Directory: "/opt"})), NotThis},
		"the same, by its name":             {e("/opt/d (deleted)", "d", fact.Of(fact.RunningFile{Changed: true, Directory: "/"})), NotThis},
		"moved to another folder":           {e("/opt/d", "./d", fact.Of(fact.RunningFile{Changed: true, Directory: "/usr/sbin"})), Undecided},
		"of the daemon's owner":             {e("/opt/x", "/usr/sbin/d", fact.Of(fact.RunningFile{Owner: 34, Changed: true})), Undecided},
		"in a renamed directory":            {e("/usr/sbin.old/d", "/usr/sbin/d", long), Undecided},
		"a file that was always there":      {e("/bin/sleep", "/usr/sbin/d", long), NotThis},
		"a user's own file":                 {e("/tmp/d", "/usr/sbin/d", fact.Of(fact.RunningFile{Owner: 33, Changed: true})), NotThis},
		"started as another":                {e("/opt/x", "/opt/d", moved), NotThis},
		"an interpreter":                    {e("/usr/bin/python3.11", "/usr/sbin/d", moved), NotThis},
		"a file that cannot be read":        {e("/opt/x", "/usr/sbin/d", fact.Failed[fact.RunningFile](unix.EIO)), Undecided},
		"arguments that cannot be read":     {untold, Undecided},
		"bound in a mount tree of a user's": {bound, NotThis},
	} {
		if d := Decide(Question{Daemon: daemon, Evidence: c.e}); d.Outcome != c.want || d.Need != 0 {
			t.Errorf("%s: got %s %s (%s), need %b; want %s", name, d.Rule, d.Outcome, d.Why, d.Need, c.want)
		}
	}
}
