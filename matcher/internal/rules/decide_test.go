package rules

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// What no text can arrange: executables that may not be read, and device
// numbers of several mounts.
func TestDecide(t *testing.T) {
	written := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	daemon := Daemon{Path: "/usr/sbin/d", Real: "/usr/sbin/d", File: fact.Of(fact.FileID{Dev: 8, Ino: 42}), DirDev: 8, DirIno: 2}
	pidfile := Pidfile{Path: "/run/d.pid", State: PidfileNames, PID: 7, Mode: 0o644, HardLinks: 1, Written: written}
	here := fact.Evidence{
		PID: 7, PPID: 1, Comm: "d", State: "S", Started: written, PIDNS: fact.SamePlace, Tree: fact.SamePlace, Root: fact.SamePlace,
		Exe: fact.Of(fact.Exe{Link: "/usr/sbin/d", ID: fact.FileID{Dev: 8, Ino: 42}}), Argv: fact.Of([]string{"/usr/sbin/d"}),
		Locks: fact.Of(false), ParentRuns: fact.Of(false), Claims: fact.Of([]fact.Claim(nil)),
		Filesystem: fact.Of(fact.SamePlace), Clock: fact.Of(fact.Clock{}),
	}
	with := func(change func(*fact.Evidence)) fact.Evidence {
		e := here
		change(&e)
		return e
	}
	exe := func(link string, id fact.FileID, tree fact.Place) fact.Evidence {
		return with(func(e *fact.Evidence) { e.Exe, e.Tree = fact.Of(fact.Exe{Link: link, ID: id}), tree })
	}
	elsewhere := func(e fact.Evidence, fs fact.Fact[fact.Place]) fact.Evidence {
		e.Filesystem = fs
		return e
	}
	beside := func(link string, is fact.Fact[bool]) fact.Evidence {
		return with(func(e *fact.Evidence) {
			e.Exe, e.Argv, e.Beside = fact.Of(fact.Exe{Link: link, ID: fact.FileID{Dev: 8, Ino: 41}}), fact.Of([]string{"/mnt/sbin/d"}), is
			e.CalledBeside = fact.Of(false)
		})
	}
	calledBeside := func(is fact.Fact[bool], comm string) fact.Evidence {
		return with(func(e *fact.Evidence) {
			e.Exe, e.Argv, e.CalledBeside, e.Comm = fact.Of(fact.Exe{Link: "/usr/sbin/old", ID: fact.FileID{Dev: 8, Ino: 41}}), fact.Of([]string{"/sbin/d"}), is, comm
			e.Locks, e.Below = fact.Of(false), fact.Of[[]fact.Below](nil)
		})
	}
	hiddenExe := func(e *fact.Evidence) { e.Exe, e.Tree = fact.Failed[fact.Exe](unix.EACCES), fact.PlaceUnknown }

	for _, c := range []struct {
		name    string
		e       fact.Evidence
		rule    Rule
		outcome Outcome
	}{
		{"the plain case", here, RuleSameFile, Runs},
		// overlayfs: the old file and the new one can have different devices.
		{"replaced, copied up", exe("/usr/sbin/d (deleted)", fact.FileID{Dev: 9, Ino: 42}, fact.SamePlace), RuleReplaced, Runs},
		// A container over the same lower directory shows the same inode number.
		{"a container's lower directory", elsewhere(exe("/usr/sbin/d", fact.FileID{Dev: 9, Ino: 42}, fact.OtherPlace), fact.Of(fact.OtherPlace)), RuleForeign, NotThis},
		{"a container's replaced file", with(func(e *fact.Evidence) {
			e.Exe, e.Tree, e.Root = fact.Of(fact.Exe{Link: "/usr/sbin/d (deleted)", ID: fact.FileID{Dev: 9, Ino: 41}}), fact.OtherPlace, fact.OtherPlace
			e.Filesystem = fact.Of(fact.OtherPlace)
		}), RuleForeign, NotThis},
		// A user's own mount tree: a tmpfs over the daemon's directory, or its very file system.
		{"a user namespace, replaced", with(func(e *fact.Evidence) {
			e.Exe, e.Tree, e.UserNS = fact.Of(fact.Exe{Link: "/usr/sbin/d (deleted)", ID: fact.FileID{Dev: 8, Ino: 41}}), fact.OtherPlace, fact.OtherPlace
		}), RuleForeign, NotThis},
		{"a user namespace, the very file", with(func(e *fact.Evidence) { e.Tree, e.UserNS = fact.OtherPlace, fact.OtherPlace }), RuleSameFile, Runs},
		{"a user namespace, started as it", with(func(e *fact.Evidence) {
			e.Exe, e.Tree, e.UserNS = fact.Of(fact.Exe{Link: "/usr/sbin/e", ID: fact.FileID{Dev: 8, Ino: 41}}), fact.OtherPlace, fact.OtherPlace
			e.Started = written.Add(-time.Minute)
		}), RuleContradicted, Undecided},
		// A descriptor of such a file, passed to a process in our own tree.
		{"a file of no mount of ours", elsewhere(exe("/usr/sbin/d (deleted)", fact.FileID{Dev: 9, Ino: 41}, fact.SamePlace), fact.Failed[fact.Place](unix.ENOENT)), RuleContradicted, Undecided},
		{"whether of a mount of ours cannot be read", elsewhere(exe("/usr/sbin/d (deleted)", fact.FileID{Dev: 9, Ino: 41}, fact.SamePlace), fact.Failed[fact.Place](unix.EIO)), RuleReplaced, Undecided},
		// PrivateTmp over an overlay: devices of layers, but one file system.
		{"PrivateTmp on overlayfs, replaced", exe("/usr/sbin/d (deleted)", fact.FileID{Dev: 9, Ino: 41}, fact.OtherPlace), RuleReplaced, Runs},
		{"PrivateTmp on overlayfs, current", with(func(e *fact.Evidence) { e.Tree = fact.OtherPlace }), RuleSameFile, Runs},
		// Something mounted over the path, as anybody may in a user namespace.
		{"another file at the path", exe("/usr/sbin/d", fact.FileID{Dev: 8, Ino: 41}, fact.OtherPlace), RuleReplaced, Undecided},
		{"a path of a detached mount", exe("/usr/sbin/d", fact.FileID{Dev: 8, Ino: 41}, fact.SamePlace), RuleReplaced, Undecided},
		// By another path of the daemon's directory, as through a bind mount.
		{"beside it, replaced", beside("/mnt/sbin/d (deleted)", fact.Of(true)), RuleReplaced, Runs},
		{"of its name, elsewhere", beside("/mnt/sbin/d (deleted)", fact.Of(false)), RuleMismatch, NotThis},
		{"whether beside it cannot be read", beside("/mnt/sbin/d (deleted)", fact.Failed[bool](unix.EMFILE)), RuleReplaced, Undecided},
		{"beside it, another name", beside("/mnt/sbin/e (deleted)", fact.Fact[bool]{}), RuleContradicted, Undecided},
		{"beside it in another mount tree", with(func(e *fact.Evidence) {
			*e = beside("/mnt/sbin/d (deleted)", fact.Of(true))
			e.Tree, e.UserNS = fact.OtherPlace, fact.OtherPlace
		}), RuleMismatch, NotThis},
		{"beside it in another mount tree of ours", with(func(e *fact.Evidence) {
			*e = beside("/mnt/sbin/d (deleted)", fact.Of(true))
			e.Tree, e.UserNS = fact.OtherPlace, fact.SamePlace
		}), RuleReplaced, Runs},
		{"moved, started by another path", calledBeside(fact.Of(true), "d"), RuleContradicted, Undecided},
		{"moved, started by another path, with a title", calledBeside(fact.Of(true), "e"), RuleContradicted, Undecided},
		{"started as another of its name", calledBeside(fact.Of(false), "e"), RuleMismatch, NotThis},
		{"started by a path that cannot be read", calledBeside(fact.Failed[bool](unix.EMFILE), "e"), RuleContradicted, Undecided},
		// systemd's PrivateTmp: a mount tree of its own, the same filesystem.
		{"PrivateTmp", exe("/usr/sbin/d", fact.FileID{Dev: 8, Ino: 42}, fact.OtherPlace), RuleSameFile, Runs},
		{"PrivateTmp, replaced", exe("/usr/sbin/d (deleted)", fact.FileID{Dev: 8, Ino: 41}, fact.OtherPlace), RuleReplaced, Runs},
		{"mount tree unreadable, same filesystem", exe("/usr/sbin/d (deleted)", fact.FileID{Dev: 8, Ino: 41}, fact.PlaceUnknown), RuleReplaced, Runs},
		{"mount tree unreadable, another filesystem", with(func(e *fact.Evidence) {
			e.Exe, e.Tree, e.Root = fact.Of(fact.Exe{Link: "/usr/sbin/d (deleted)", ID: fact.FileID{Dev: 9, Ino: 41}}), fact.PlaceUnknown, fact.PlaceUnknown
			e.Filesystem = fact.Failed[fact.Place](unix.EACCES)
		}), RuleUnreadable, Undecided},
		{"its root cannot be reached from ours", with(func(e *fact.Evidence) {
			e.Exe, e.Root, e.Outside = fact.Of(fact.Exe{Link: "/usr/sbin/d (deleted)", ID: fact.FileID{Dev: 8, Ino: 41}}), fact.OtherPlace, true
		}), RuleForeign, NotThis},

		{"not root", with(hiddenExe), RuleUnreadable, Plausible},
		// Seen when the first open of the exe link failed (EPERM): "running", of another instance's worker.
		{"not root, a child of another's", with(func(e *fact.Evidence) {
			hiddenExe(e)
			e.ParentRuns, e.Claims = fact.Of(true), fact.Of([]fact.Claim{{PID: e.PPID, Pidfile: "/run/other.pid", Written: written}})
		}), RuleContested, Undecided},
		{"not root, a child of nobody's", with(func(e *fact.Evidence) {
			hiddenExe(e)
			e.ParentRuns, e.Claims = fact.Of(true), fact.Of([]fact.Claim{})
		}), RuleUnreadable, Plausible},
		{"not root, another name", with(func(e *fact.Evidence) { hiddenExe(e); e.Comm = "x" }), RuleUnreadable, Undecided},
		{"not root, the name fits, but later", with(func(e *fact.Evidence) { hiddenExe(e); e.Started = written.Add(time.Hour) }), RuleLate, Undecided},
		{"not root, init", with(func(e *fact.Evidence) { hiddenExe(e); e.PID, e.Comm = 1, "init" }), RuleMismatch, NotThis},
		{"not root, a kernel thread", with(func(e *fact.Evidence) { hiddenExe(e); e.Kernel = true }), RuleMismatch, NotThis},
		{"hidepid", with(func(e *fact.Evidence) { hiddenExe(e); e.Life = fact.Hidden }), RuleUnreadable, Undecided},
	} {
		d := Decide(Question{Daemon: daemon, Pidfile: pidfile, Evidence: c.e})
		if d.Rule != c.rule || d.Outcome != c.outcome || d.Need != 0 {
			t.Errorf("%s: got %s, %s (%s), need %b; want %s, %s", c.name, d.Rule, d.Outcome, d.Why, d.Need, c.rule, c.outcome)
		}
	}

	unreadableDaemon := daemon
	unreadableDaemon.File = fact.Failed[fact.FileID](unix.EACCES)
	if d := Decide(Question{Daemon: unreadableDaemon, Pidfile: pidfile, Evidence: exe("/opt/x", fact.FileID{Dev: 8, Ino: 1}, fact.SamePlace)}); d.Outcome != Undecided {
		t.Errorf("the daemon's file cannot be read: got %s %s", d.Rule, d.Outcome)
	}
}

// Without a pidfile, what was started by another path that has the daemon's name is it only if that leads to the daemon's,
// also where nothing can be read of its file: root without CAP_SYS_PTRACE may not read a user's.
func TestCalledBeside(t *testing.T) {
	d := Daemon{Path: "/usr/sbin/d", Real: "/usr/sbin/d", File: fact.Of(fact.FileID{Dev: 8, Ino: 42}), DirDev: 8, DirIno: 2}
	moved, denied := fact.Of(fact.RunningFile{Changed: true}), fact.Failed[fact.RunningFile](unix.EACCES)
	for _, c := range []struct {
		name    string
		file    fact.Fact[fact.RunningFile]
		beside  fact.Fact[bool]
		outcome Outcome
	}{
		{"moved", moved, fact.Of(true), Undecided},
		{"moved, of another directory", moved, fact.Of(false), NotThis},
		{"moved, and the path cannot be read", moved, fact.Failed[bool](unix.EMFILE), Undecided},
		{"its file cannot be read", denied, fact.Of(true), Undecided},
		{"its file cannot be read, of another directory", denied, fact.Of(false), NotThis},
		{"a user's", fact.Of(fact.RunningFile{Changed: true, Owner: 1000}), fact.Fact[bool]{}, NotThis},
	} {
		got := Decide(Question{Daemon: d, Evidence: fact.Evidence{
			PID: 7, PPID: 1, Comm: "d", State: "S", PIDNS: fact.SamePlace, Tree: fact.SamePlace, Root: fact.SamePlace, Filesystem: fact.Of(fact.SamePlace),
			Exe: fact.Of(fact.Exe{Link: "/usr/sbin/old", ID: fact.FileID{Dev: 8, Ino: 41}}), Argv: fact.Of([]string{"/sbin/d"}), File: c.file, CalledBeside: c.beside,
		}})
		if got.Outcome != c.outcome || got.Need != 0 {
			t.Errorf("%s: got %s, %s (%s), need %b; want %s", c.name, got.Rule, got.Outcome, got.Why, got.Need, c.outcome)
		}
	}
}
