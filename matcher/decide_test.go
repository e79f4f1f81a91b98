package matcher

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What no text can arrange: executables that may not be read, and device
// numbers of several mounts.
func TestDecide(t *testing.T) {
	written := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	daemon := Daemon{Path: "/usr/sbin/d", Real: "/usr/sbin/d", File: known(FileID{8, 42}), DirDev: 8}
	pidfile := Pidfile{Path: "/run/d.pid", State: PidfileNames, PID: 7, Mode: 0o644, HardLinks: 1, Written: written}
	here := Evidence{
		PID: 7, PPID: 1, Comm: "d", State: "S", Started: written, PIDNS: SamePlace, Tree: SamePlace, Root: SamePlace,
		Exe: known(Exe{Link: "/usr/sbin/d", ID: FileID{8, 42}}), Argv: known([]string{"/usr/sbin/d"}),
		Locks: known(false), ParentRuns: known(false), Claims: known([]Claim(nil)),
		Filesystem: known(SamePlace), Clock: known(Clock{}),
	}
	with := func(change func(*Evidence)) Evidence {
		e := here
		change(&e)
		return e
	}
	exe := func(link string, id FileID, tree Place) Evidence {
		return with(func(e *Evidence) { e.Exe, e.Tree = known(Exe{Link: link, ID: id}), tree })
	}
	elsewhere := func(e Evidence, fs Fact[Place]) Evidence {
		e.Filesystem = fs
		return e
	}
	hiddenExe := func(e *Evidence) { e.Exe, e.Tree = failed[Exe](unix.EACCES), PlaceUnknown }

	for _, c := range []struct {
		name    string
		e       Evidence
		rule    Rule
		outcome Outcome
	}{
		{"the plain case", here, RuleSameFile, Runs},
		// overlayfs: the old file and the new one can have different devices.
		{"replaced, copied up", exe("/usr/sbin/d (deleted)", FileID{9, 42}, SamePlace), RuleReplaced, Runs},
		// A container over the same lower directory shows the same inode number.
		{"a container's lower directory", elsewhere(exe("/usr/sbin/d", FileID{9, 42}, OtherPlace), known(OtherPlace)), RuleForeign, NotThis},
		{"a container's replaced file", with(func(e *Evidence) {
			e.Exe, e.Tree, e.Root = known(Exe{Link: "/usr/sbin/d (deleted)", ID: FileID{9, 41}}), OtherPlace, OtherPlace
			e.Filesystem = known(OtherPlace)
		}), RuleForeign, NotThis},
		// A user's own mount tree: a tmpfs over the daemon's directory, or its very file system.
		{"a user namespace, replaced", with(func(e *Evidence) {
			e.Exe, e.Tree, e.UserNS = known(Exe{Link: "/usr/sbin/d (deleted)", ID: FileID{8, 41}}), OtherPlace, OtherPlace
		}), RuleForeign, NotThis},
		{"a user namespace, the very file", with(func(e *Evidence) { e.Tree, e.UserNS = OtherPlace, OtherPlace }), RuleSameFile, Runs},
		{"a user namespace, started as it", with(func(e *Evidence) {
			e.Exe, e.Tree, e.UserNS = known(Exe{Link: "/usr/sbin/e", ID: FileID{8, 41}}), OtherPlace, OtherPlace
			e.Started = written.Add(-time.Minute)
		}), RuleContradicted, Undecided},
		// A descriptor of such a file, passed to a process in our own tree.
		{"a file of no mount of ours", elsewhere(exe("/usr/sbin/d (deleted)", FileID{9, 41}, SamePlace), failed[Place](unix.ENOENT)), RuleContradicted, Undecided},
		{"whether of a mount of ours cannot be read", elsewhere(exe("/usr/sbin/d (deleted)", FileID{9, 41}, SamePlace), failed[Place](unix.EIO)), RuleReplaced, Undecided},
		// PrivateTmp over an overlay: devices of layers, but one file system.
		{"PrivateTmp on overlayfs, replaced", exe("/usr/sbin/d (deleted)", FileID{9, 41}, OtherPlace), RuleReplaced, Runs},
		{"PrivateTmp on overlayfs, current", with(func(e *Evidence) { e.Tree = OtherPlace }), RuleSameFile, Runs},
		// Something mounted over the path, as anybody may in a user namespace.
		{"another file at the path", exe("/usr/sbin/d", FileID{8, 41}, OtherPlace), RuleReplaced, Undecided},
		{"a path of a detached mount", exe("/usr/sbin/d", FileID{8, 41}, SamePlace), RuleReplaced, Undecided},
		// systemd's PrivateTmp: a mount tree of its own, the same filesystem.
		{"PrivateTmp", exe("/usr/sbin/d", FileID{8, 42}, OtherPlace), RuleSameFile, Runs},
		{"PrivateTmp, replaced", exe("/usr/sbin/d (deleted)", FileID{8, 41}, OtherPlace), RuleReplaced, Runs},
		{"mount tree unreadable, same filesystem", exe("/usr/sbin/d (deleted)", FileID{8, 41}, PlaceUnknown), RuleReplaced, Runs},
		{"mount tree unreadable, another filesystem", with(func(e *Evidence) {
			e.Exe, e.Tree, e.Root = known(Exe{Link: "/usr/sbin/d (deleted)", ID: FileID{9, 41}}), PlaceUnknown, PlaceUnknown
			e.Filesystem = failed[Place](unix.EACCES)
		}), RuleUnreadable, Undecided},
		{"its root cannot be reached from ours", with(func(e *Evidence) {
			e.Exe, e.Root, e.Outside = known(Exe{Link: "/usr/sbin/d (deleted)", ID: FileID{8, 41}}), OtherPlace, true
		}), RuleForeign, NotThis},

		{"not root", with(hiddenExe), RuleUnreadable, Plausible},
		{"not root, another name", with(func(e *Evidence) { hiddenExe(e); e.Comm = "x" }), RuleUnreadable, Undecided},
		{"not root, the name fits, but later", with(func(e *Evidence) { hiddenExe(e); e.Started = written.Add(time.Hour) }), RuleLate, Undecided},
		{"not root, init", with(func(e *Evidence) { hiddenExe(e); e.PID, e.Comm = 1, "init" }), RuleMismatch, NotThis},
		{"not root, a kernel thread", with(func(e *Evidence) { hiddenExe(e); e.Kernel = true }), RuleMismatch, NotThis},
		{"hidepid", with(func(e *Evidence) { hiddenExe(e); e.Life = Hidden }), RuleUnreadable, Undecided},
	} {
		d := decide(question{daemon: daemon, pidfile: pidfile, evidence: c.e})
		if d.Rule != c.rule || d.Outcome != c.outcome || d.need != 0 {
			t.Errorf("%s: got %s, %s (%s), need %b; want %s, %s", c.name, d.Rule, d.Outcome, d.Why, d.need, c.rule, c.outcome)
		}
	}

	unreadableDaemon := daemon
	unreadableDaemon.File = failed[FileID](unix.EACCES)
	if d := decide(question{daemon: unreadableDaemon, pidfile: pidfile, evidence: exe("/opt/x", FileID{8, 1}, SamePlace)}); d.Outcome != Undecided {
		t.Errorf("the daemon's file cannot be read: got %s %s", d.Rule, d.Outcome)
	}
}
