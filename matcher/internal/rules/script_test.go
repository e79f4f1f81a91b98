package rules

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

func TestTitled(t *testing.T) {
	d := Daemon{Path: "/sbin/salt", Real: "/usr/sbin/salt", Script: &Interpreter{Path: "/usr/bin/python3", Real: "/usr/bin/python3.11"}}
	for title, want := range map[string]fit{
		"salt":                                     fitsWell,
		"salt: master [app]":                       fitsWell,
		"salt[main]":                               fitsWell,
		"[salt: worker]":                           fitsWell,
		"/sbin/salt --pidfile=x":                   fitsWell,
		"/usr/sbin/salt":                           fitsWell,
		"/usr/bin/python3 /usr/sbin/salt -d":       fitsWell,
		"/usr/bin/python3.11 -u /sbin/salt":        fitsWell,
		"master of salt":                           fitsMaybe,
		"/usr/bin/python3 /srv/lint.py /sbin/salt": fitsMaybe,
		"/opt/other/salt":                          fitsMaybe,
		"saltpeter: master":                        fitsNot,
		"/usr/bin/python3":                         fitsNot,
		"":                                         fitsNot,
	} {
		if got := d.titled([]string{title}); got != want {
			t.Errorf("%q: got %v, want %v", title, got, want)
		}
	}
	if d.titled(nil) != fitsNot {
		t.Error("no arguments are a title")
	}
}

// What an interpreter was given says little without a pidfile, and of an ordinary user's process
// nothing where no script lies there today: he could keep root from stopping what is none.
func TestFormerScript(t *testing.T) {
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	another := Daemon{Path: "/usr/sbin/d", Real: "/usr/sbin/d", File: fact.Of(fact.FileID{Dev: 8, Ino: 42}), Changed: started.Add(-time.Hour),
		DirIno: 2, Script: &Interpreter{Path: "/usr/bin/python3", Real: "/usr/bin/python3.11", File: fact.Of(fact.FileID{Dev: 8, Ino: 3})}}
	program, since, gone := another, another, another
	program.Script, since.Script, gone.Script = nil, nil, nil
	since.Changed, gone.File = started.Add(time.Second), fact.Failed[fact.FileID](unix.ENOENT)
	for _, c := range []struct {
		name    string
		d       Daemon
		uid     int
		tree    fact.Place
		exe     string
		argv    string
		outcome Outcome
	}{
		{"a script for another interpreter", another, 0, fact.SamePlace, "/usr/bin/python2.7", "python /usr/sbin/d", Undecided},
		{"a user's", another, 1000, fact.SamePlace, "/usr/bin/python2.7 (deleted)", "python -u /usr/sbin/d", NotThis},
		{"root's, of which the interpreter is gone", another, 0, fact.SamePlace, "/usr/bin/python2.7 (deleted)", "python -u /usr/sbin/d", Undecided},
		{"given another script", another, 0, fact.SamePlace, "/usr/bin/python2.7", "python /usr/sbin/e /usr/sbin/d", NotThis},
		{"no interpreter", another, 0, fact.SamePlace, "/usr/bin/less", "less /usr/sbin/d", NotThis},
		{"of a mount tree that a user made", another, 0, fact.OtherPlace, "/usr/bin/python2.7", "python /usr/sbin/d", NotThis},
		{"a program since", since, 0, fact.SamePlace, "/bin/dash", "/bin/sh /usr/sbin/d", Undecided},
		{"a program before", program, 0, fact.SamePlace, "/bin/dash", "/bin/sh /usr/sbin/d", NotThis},
		{"a program since, a user's", since, 1000, fact.SamePlace, "/bin/dash", "/bin/sh /usr/sbin/d", NotThis},
		{"removed", gone, 0, fact.SamePlace, "/bin/dash", "/bin/sh -e /usr/sbin/d", Undecided},
		{"given another path of it", another, 0, fact.SamePlace, "/usr/bin/python2.7", "python /sbin/d", Undecided},
		{"given it from where it was", another, 0, fact.SamePlace, "/usr/bin/python2.7", "python ./d", Undecided},
		{"given another of the name", another, 0, fact.SamePlace, "/usr/bin/python2.7", "python /opt/d", NotThis},
		{"given a path that cannot be read", another, 0, fact.SamePlace, "/usr/bin/python2.7", "python /unread/d", Undecided},
		{"removed, by another path", gone, 0, fact.SamePlace, "/bin/dash", "/bin/sh /sbin/d", Undecided},
		{"removed, a user's", gone, 1000, fact.SamePlace, "/bin/dash", "/bin/sh /usr/sbin/d", NotThis},
	} {
		beside := fact.Of(strings.HasSuffix(c.argv, " /sbin/d") || strings.HasSuffix(c.argv, " ./d"))
		if strings.Contains(c.argv, "unread") {
			beside = fact.Failed[bool](unix.EMFILE)
		}
		d := Decide(Question{Daemon: c.d, Evidence: fact.Evidence{
			PID: 7, CalledBeside: beside, PPID: 1, Comm: "d", State: "S", UID: c.uid, EUID: c.uid, Started: started, PIDNS: fact.SamePlace, Tree: c.tree, UserNS: c.tree, Root: fact.SamePlace,
			Exe: fact.Of(fact.Exe{Link: c.exe, ID: fact.FileID{Dev: 8, Ino: 5}}), Argv: fact.Of(strings.Fields(c.argv)), Filesystem: fact.Of(fact.SamePlace),
			File: fact.Of(fact.RunningFile{}),
		}})
		if d.Outcome != c.outcome || d.Need != 0 {
			t.Errorf("%s: got %s, %s (%s), need %b; want %s", c.name, d.Rule, d.Outcome, d.Why, d.Need, c.outcome)
		}
	}
	// Of a mount tree that systemd made (PrivateTmp), and
	// who has taken on another user's ID for files only was root when it started.
	e := fact.Evidence{PID: 7, EUID: 1000, Started: started, PIDNS: fact.SamePlace, Tree: fact.OtherPlace, UserNS: fact.SamePlace, Root: fact.SamePlace,
		Exe: fact.Of(fact.Exe{Link: "/bin/dash"}), Argv: fact.Of([]string{"/bin/sh", "/usr/sbin/d"})}
	if f := formerScript(Question{Daemon: gone, Evidence: e}); !f.applies {
		t.Errorf("seteuid(2): %+v", f)
	}
}

// Versions of an interpreter are the interpreter, programs that begin with its
// name are not.
func TestInterpreterVersions(t *testing.T) {
	for base, want := range map[string]map[string]bool{
		"sh":      {"sh": true, "shellcheck": false, "shview": false, "shm": false, "showmount": false},
		"python3": {"python3": true, "python3.11": true, "python3.7m": true, "python3-config": false, "python": false},
		"perl":    {"perl5.36.0": true, "perldoc": false},
		"node":    {"node": true, "node-gyp": false, "nodemon": false},
	} {
		for name, want := range want {
			i := Interpreter{Path: "/usr/bin/" + base, Real: "/usr/bin/" + base}
			if got := i.Named(name); got != want {
				t.Errorf("%s: got %v for %s", base, got, name)
			}
		}
	}
}

// A script on /srv, its interpreter on the root filesystem, and a unit with
// PrivateTmp: what tells a container from it is the interpreter's device, or the
// root directory.
func TestScriptOnAnotherFilesystem(t *testing.T) {
	script := fact.FileID{Dev: 9, Ino: 42}
	d := Daemon{Path: "/srv/d", Real: "/srv/d", File: fact.Of(script), DirDev: 9,
		Script: &Interpreter{Path: "/usr/bin/python3", Real: "/usr/bin/python3", File: fact.Of(fact.FileID{Dev: 8, Ino: 1})}}
	for _, c := range []struct {
		name    string
		dev     uint64
		root    fact.Place
		outcome Outcome
	}{
		{"the interpreter's filesystem", 8, fact.PlaceUnknown, Runs},
		{"an old interpreter of an overlay, our root", 7, fact.SamePlace, Runs},
		{"a container", 7, fact.OtherPlace, NotThis},
		{"an interpreter beside the script", 9, fact.PlaceUnknown, Runs},
		{"perhaps a container", 7, fact.PlaceUnknown, NotThis},
	} {
		e := fact.Evidence{PID: 7, Comm: "d", PIDNS: fact.SamePlace, Tree: fact.OtherPlace, Root: c.root,
			Exe: fact.Of(fact.Exe{Link: "/usr/bin/python3", ID: fact.FileID{Dev: c.dev, Ino: 1}}), Argv: fact.Of([]string{"/usr/bin/python3", "/srv/d"}),
			Scripts: []fact.ScriptFile{{Word: "/srv/d", File: fact.Of(script)}}}
		if got := Decide(Question{Daemon: d, Evidence: e}); got.Outcome != c.outcome {
			t.Errorf("%s: got %s, %s (%s)", c.name, got.Rule, got.Outcome, got.Why)
		}
	}
}

// Only its name speaks for a PID 1 that has a title: as in a container, it may be
// the daemon; a weak "running" it is not, and not dead either.
func TestTitledInit(t *testing.T) {
	d := Daemon{Path: "/srv/d", Real: "/srv/d", File: fact.Of(fact.FileID{Dev: 9, Ino: 42}), DirDev: 9,
		Script: &Interpreter{Path: "/usr/bin/perl", Real: "/usr/bin/perl", File: fact.Of(fact.FileID{Dev: 8, Ino: 1})}}
	e := fact.Evidence{PID: 1, Comm: "d: master", PIDNS: fact.SamePlace, Tree: fact.SamePlace, Root: fact.SamePlace,
		Exe: fact.Of(fact.Exe{Link: "/usr/bin/perl", ID: fact.FileID{Dev: 8, Ino: 1}}), Argv: fact.Of([]string{"d: master"}), Scripts: []fact.ScriptFile{}}
	pidfile := Pidfile{Path: "/run/d.pid", State: PidfileNames, PID: 1, Mode: 0o644, HardLinks: 1}
	if got := Decide(Question{Daemon: d, Pidfile: pidfile, Evidence: e}); got.Outcome != Undecided || got.Rule != RuleScript {
		t.Errorf("got %s, %s (%s)", got.Rule, got.Outcome, got.Why)
	}
	perl := Daemon{Path: "/usr/bin/perl", Real: "/usr/bin/perl", File: fact.Of(fact.FileID{Dev: 8, Ino: 1}), DirDev: 8}
	if got := Decide(Question{Daemon: perl, Pidfile: pidfile, Evidence: e}); got.Outcome == NotThis {
		t.Errorf("the interpreter as the daemon: got %s, %s (%s)", got.Rule, got.Outcome, got.Why)
	}
}

// As the kernel gives them to an interpreter that has an emulator (load_misc_binary in
// fs/binfmt_misc.c), with the flag P and without; env(1) executes it by its name.
func TestEmulatedScript(t *testing.T) {
	const qemu = "/usr/bin/qemu-aarch64"
	interpreter := &Interpreter{Path: "/usr/bin/python3", Real: "/usr/bin/python3.11", Given: []string{"-Es"}}
	d := Daemon{Path: "/srv/d", Script: &Interpreter{Path: qemu, Real: qemu, Emulated: interpreter}}
	for _, test := range []struct {
		argv []string
		want []string
	}{
		{[]string{qemu, "/usr/bin/python3", "-Es", "/srv/d", "x"}, []string{"/srv/d"}},
		{[]string{qemu, "/usr/bin/python3", "/usr/bin/python3", "-Es", "/srv/d"}, []string{"/srv/d"}},
		{[]string{qemu, "/usr/local/bin/python3", "python3", "/srv/d"}, []string{"/srv/d"}},
		{[]string{qemu, "/usr/bin/python3", "-W", "ignore", "/srv/d"}, []string{"/srv/d"}}, // -W takes a word
		{[]string{qemu, "/usr/bin/python3", "/srv/python3", "/srv/d"}, []string{"/srv/python3"}},
		{[]string{qemu, "/usr/bin/perl", "/srv/d"}, []string{"/usr/bin/perl"}},
		{[]string{qemu, "/usr/bin/python3"}, nil},
		{[]string{qemu}, nil},
		{nil, nil},
		{[]string{qemu, "/usr/bin/env", "python3", "/srv/d"}, []string{"/usr/bin/env"}}, // env has not executed it yet
	} {
		e := fact.Evidence{Exe: fact.Of(fact.Exe{Link: qemu}), Argv: fact.Of(test.argv)}
		if got := d.ScriptWords(e); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.argv, got, test.want)
		}
	}
	// busybox's env calls its sh by /proc/self/exe, which QEMU executes as /usr/bin/env.
	interpreter.Path, interpreter.Real, interpreter.Given = "/bin/sh", "/bin/busybox", nil
	e := fact.Evidence{Exe: fact.Of(fact.Exe{Link: qemu}), Argv: fact.Of([]string{qemu, "/usr/bin/env", "sh", "/srv/d"})}
	if got := d.ScriptWords(e); !slices.Equal(got, []string{"/srv/d"}) {
		t.Errorf("busybox: %q", got)
	}
}
