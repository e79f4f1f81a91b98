package matcher

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/rules"
	"pidproof/testdata/need"
)

func TestAdoptable(t *testing.T) {
	runs := func(pid, ppid int, role Role) *Process {
		return &Process{Evidence: fact.Evidence{PID: pid, PPID: ppid}, Role: role}
	}
	const unclaimed = RoleUnclaimed
	listening := func(pid, ppid, sockets int) *Process {
		p := runs(pid, ppid, unclaimed)
		p.Sockets = fact.Of(make([]fact.Socket, sockets))
		return p
	}
	titled := func(pid, ppid int) *Process {
		p := runs(pid, ppid, RoleUnclear)
		p.Decision = rules.Decision{Rule: rules.RuleScript, Outcome: rules.Runs, Weak: true}
		return p
	}
	users := func(pid, uid int) *Process {
		p := runs(pid, 1, unclaimed)
		p.Evidence.UID, p.Evidence.EUID, p.Evidence.AsRoot = uid, uid, true
		return p
	}
	for name, c := range map[string]struct {
		report Report
		pid    int
		why    string
	}{
		"one with workers": {Report{PidfileVerdict: Dead, Scanned: true,
			Others: []*Process{runs(10, 1, unclaimed), runs(11, 10, unclaimed), runs(12, 11, unclaimed)}}, 10, ""},
		"beside another instance and a container": {Report{PidfileVerdict: NotRunning, Scanned: true,
			Others: []*Process{runs(8, 1, RoleOther), runs(9, 1, RoleForeign), runs(10, 1, unclaimed)}}, 10, ""},
		"right already": {Report{PidfileVerdict: Running, Scanned: true}, 0, "the pidfile names it already"},
		"unknown":       {Report{PidfileVerdict: Unknown, Reason: "because", Scanned: true, Others: []*Process{runs(10, 1, unclaimed)}}, 0, "because"},
		"not looked":    {Report{PidfileVerdict: Dead}, 0, "not all processes could be seen: "},
		"hidepid":       {Report{PidfileVerdict: Dead, Scanned: true, Blind: hidden, Others: []*Process{runs(10, 1, unclaimed)}}, 0, "not all processes could be seen: " + hidden},
		"one that may run it": {Report{PidfileVerdict: Dead, Scanned: true,
			Others: []*Process{runs(10, 1, unclaimed), runs(11, 1, RoleUnclear)}}, 0, "11 may run it: "},
		"two":  {Report{PidfileVerdict: Dead, Scanned: true, Others: []*Process{runs(10, 1, unclaimed), runs(11, 1, unclaimed)}}, 0, "2 unclaimed processes may be the main one: 10 11"},
		"none": {Report{PidfileVerdict: Dead, Scanned: true, Others: []*Process{runs(10, 1, RoleOther)}}, 0, "no process of it runs unclaimed"},
		// jsvc's pidfile names the child.
		"one that watches another": {Report{PidfileVerdict: Dead, Scanned: true, Others: []*Process{listening(10, 1, 0), listening(11, 10, 1)}}, 0,
			"10 does not listen, but 11 below it does: either may be meant"},
		"a worker has the socket, too": {Report{PidfileVerdict: Dead, Scanned: true, Others: []*Process{listening(10, 1, 1), listening(11, 10, 1)}}, 10, ""},
		// A worker whose main process was killed: apache2's would accept no signal meant for that one.
		"a leftover": {Report{PidfileVerdict: Dead, Scanned: true, Pidfile: Pidfile{rules.Pidfile{PID: 9, Written: time.Unix(1000, 0)}},
			Others: []*Process{runs(10, 1, RoleLeftover)}}, 0, "10 is no main process, but left over from 9, which has ended"},
		"a leftover beside one": {Report{PidfileVerdict: Dead, Scanned: true, Pidfile: Pidfile{rules.Pidfile{PID: 9}},
			Others: []*Process{runs(10, 1, RoleLeftover), runs(11, 1, unclaimed)}}, 0, "2 unclaimed processes may be the main one: 10 11"},
		// A daemon whose pidfile has the number of the middle process of its double fork.
		"forked twice": {Report{PidfileVerdict: Dead, Scanned: true, Pidfile: Pidfile{rules.Pidfile{PID: 9}},
			Others: []*Process{runs(10, 1, RoleLeftover), runs(11, 10, RoleLeftover)}}, 10, ""},
		"forked twice, beside another": {Report{PidfileVerdict: Dead, Scanned: true, Pidfile: Pidfile{rules.Pidfile{PID: 9}},
			Others: []*Process{runs(10, 1, RoleLeftover), runs(12, 1, unclaimed)}}, 0, "2 unclaimed processes may be the main one: 10 12"},
		// postgrey.
		"known by its title":        {Report{PidfileVerdict: Dead, Scanned: true, Others: []*Process{titled(10, 1), titled(11, 10)}}, 10, ""},
		"two known by their titles": {Report{PidfileVerdict: Dead, Scanned: true, Others: []*Process{titled(10, 1), titled(11, 1)}}, 0, "10 may run it: "},
		"a title beside a certain one": {Report{PidfileVerdict: Dead, Scanned: true,
			Others: []*Process{runs(9, 1, unclaimed), titled(10, 1)}}, 0, "10 may run it: "},
		"a user's":               {Report{PidfileVerdict: Dead, Scanned: true, Others: []*Process{users(10, 33)}}, 10, ""},
		"a user's beside root's": {Report{PidfileVerdict: Dead, Scanned: true, Others: []*Process{users(9, 33), runs(10, 1, unclaimed)}}, 10, ""},
		"two users'":             {Report{PidfileVerdict: Dead, Scanned: true, Others: []*Process{users(9, 33), users(10, 34)}}, 0, "2 unclaimed processes may be the main one: 9 10"},
	} {
		main, why := c.report.Adoptable()
		if main == nil && c.pid != 0 || main != nil && main.Evidence.PID != c.pid || why != c.why {
			t.Errorf("%s: got %+v, %q; want %d, %q", name, main, why, c.pid, c.why)
		}
	}
}

// Anybody may start the daemon's program; root's pidfile is not for his process.
func TestAdopts(t *testing.T) {
	of := func(uid int) fact.Evidence { return fact.Evidence{PID: 10, UID: uid, EUID: uid, AsRoot: true} }
	setuid := func(owner int) fact.Evidence {
		e := of(0)
		e.File = fact.Of(fact.RunningFile{Setuid: true, Owner: owner})
		return e
	}
	his := rules.Pidfile{Path: "/run/d.pid", ID: fact.FileID{Dev: 1, Ino: 1}, Owner: 33}
	for name, c := range map[string]struct {
		pidfile rules.Pidfile
		e       fact.Evidence
		want    bool
	}{
		"root's":                  {rules.Pidfile{Path: "/run/d.pid"}, of(0), true},
		"a user's, no pidfile":    {rules.Pidfile{Path: "/run/d.pid"}, of(33), false},
		"a user's, root's file":   {rules.Pidfile{Path: "/run/d.pid", ID: fact.FileID{Dev: 1, Ino: 1}}, of(33), false},
		"a user's, his own":       {his, of(33), true},
		"a user's, another's":     {his, of(34), false},
		"asked by the user":       {rules.Pidfile{Path: "/run/d.pid"}, fact.Evidence{PID: 10, UID: 33, EUID: 33}, true},
		"setuid, started by him":  {rules.Pidfile{Path: "/run/d.pid"}, fact.Evidence{PID: 10, UID: 33, EUID: 0, AsRoot: true}, false},
		"root's, in a user's one": {his, of(0), true},
		"setuid, and root by now": {rules.Pidfile{Path: "/run/d.pid"}, setuid(0), false},
		"setuid to another":       {rules.Pidfile{Path: "/run/d.pid"}, setuid(8), true},
	} {
		if err := c.pidfile.Adopts(c.e); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// CVE-2017-11747, CVE-2018-16888: a pidfile where somebody else can put his own in its
// place vouches for nobody, so none is written there.
func TestHoldDirectory(t *testing.T) {
	need.Root(t)
	const user = 65533
	top := t.TempDir()
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	make := func(name string, uid, gid int, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(top, name)
		if err := errors.Join(os.MkdirAll(path, 0o755), os.Chown(path, uid, gid), unix.Chmod(path, uint32(mode))); err != nil {
			t.Fatal(err)
		}
	}
	link := func(name, target string, uid int) {
		t.Helper()
		path := filepath.Join(top, name)
		if err := errors.Join(os.Symlink(target, path), os.Lchown(path, uid, 0)); err != nil {
			t.Fatal(err)
		}
	}
	make("roots", 0, 0, 0o755)
	make("roots/group", 0, 0, 0o775)
	make("daemons", user, user, 0o755)
	make("daemons/roots", 0, 0, 0o755)
	make("shared", 0, user, 0o775)
	make("tmp", 0, 0, 0o1777)
	make("tmp/roots", 0, 0, 0o755)
	make("open", 0, 0, 0o777)
	make("open/roots", 0, 0, 0o755)
	link("rootslink", "roots", 0)
	link("userslink", "roots", user)
	for name, why := range map[string]string{
		"roots": "", "rootslink": "", "tmp/roots": "", "roots/../roots": "",
		"roots/group":     "gid 0 can write there (mode 0775)", // or the mask of an access control list
		"daemons":         "it is uid 65533's",
		"daemons/roots":   "../ is not safe to write a pidfile in: it is uid 65533's",
		"shared":          "gid 65533 can write there (mode 0775)",
		"tmp":             "everyone can write there (mode 1777)",
		"open":            "everyone can write there (mode 0777)",
		"open/roots":      "../ is not safe to write a pidfile in: everyone can write there (mode 0777)",
		"userslink/group": "on the way there is a symbolic link of uid 65533",
		"userslink":       "it is a symbolic link of an unprivileged user",
		"none":            "no such file or directory",
	} {
		dir, err := Pidfile{rules.Pidfile{Path: filepath.Join(top, name) + "/x.pid"}}.HoldDirectory()
		switch {
		case why == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case why != "" && (err == nil || !strings.Contains(err.Error(), why) || errors.Is(err, errUnsafeDirectory) == strings.HasPrefix(err.Error(), "opening ")):
			t.Errorf("%s: %v, want %q", name, err, why)
		}
		if err == nil {
			dir.Close()
		}
	}
}

// Whoever writes a pidfile while it is looked at must not lose it.
func TestPidfileUnchanged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.pid")
	held, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	read := func() rules.Pidfile { return thisHost().readPidfileOnce(path) }
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, p rules.Pidfile, same bool) {
		t.Helper()
		if err := (Pidfile{p}).Unchanged(held); (err == nil) != same {
			t.Errorf("%s: %v", what, err)
		}
	}
	absent := read()
	expect("absent", absent, true)
	write("4194000\n")
	expect("appeared", absent, false)
	stale := read()
	expect("stale", stale, true)
	write("4194001\n")
	expect("another number", stale, false)
	write("")
	garbage := read()
	expect("empty", garbage, true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	expect("removed", garbage, false)
	if err := os.Symlink("elsewhere", path); err != nil {
		t.Fatal(err)
	}
	expect("a link now", absent, false)
	expect("a dangling link", read(), false)
}
