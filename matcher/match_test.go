package matcher

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/rules"
	"pidproof/testdata/child"
	"pidproof/testdata/must"
	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

// echoing starts a command that gives back the line it is given, and then waits
// for the end of its input.
func echoing(t *testing.T, cmd *exec.Cmd) *child.Child {
	t.Helper()
	c := &child.Child{T: t, Cmd: cmd, Path: cmd.Path}
	in, err := cmd.StdinPipe()
	must.Do(t, err)
	out, err := cmd.StdoutPipe()
	must.Do(t, err, cmd.Start())
	c.PID = cmd.Process.Pid
	t.Cleanup(c.End)
	_, err = in.Write([]byte("up\n"))
	must.Do(t, err)
	_, err = bufio.NewReader(out).ReadString('\n')
	must.Do(t, err)
	return c
}

// copyOf puts a copy of a program of PATH at a path.
func copyOf(t *testing.T, program, path string) string {
	t.Helper()
	found, err := exec.LookPath(program)
	must.Do(t, err)
	content, err := os.ReadFile(found)
	must.Do(t, err, os.WriteFile(path, content, 0o755))
	return path
}

func (m Matched) pids() []int {
	var pids []int
	for _, p := range m.Found {
		pids = append(pids, p.Evidence.PID)
	}
	slices.Sort(pids)
	return pids
}

type matchCase struct {
	name     string
	criteria rules.Criteria
	verdict  Verdict
	found    []int
}

func (c matchCase) check(t *testing.T, h *host) {
	t.Helper()
	m, err := h.match(context.Background(), c.criteria)
	if err != nil || m.Verdict != c.verdict || !slices.Equal(m.pids(), c.found) {
		t.Errorf("%s: got %v %v (%s), %v; want %v %v", c.name, m.Verdict, m.pids(), m.Reason, err, c.verdict, c.found)
	}
	if (m.Verdict == Running) != (len(m.Found) > 0) {
		t.Errorf("%s: %v, and %d were found", c.name, m.Verdict, len(m.Found))
	}
	for _, p := range m.Found {
		if p.Ended() || p.Signal(0) != nil {
			t.Errorf("%s: %d is not held", c.name, p.Evidence.PID)
		}
	}
	m.Release()
}

func TestMatchPID(t *testing.T) {
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			c, gone, zombie := child.Start(t), child.Start(t), child.Start(t)
			gone.End()
			must.Do(t, zombie.Cmd.Process.Kill())
			if left := AwaitEnd(waiting.Context(t, time.Now().Add(waiting.Limit)), []*Process{held(t, h, zombie.PID)}); len(left) != 0 {
				t.Fatal("it has not ended")
			}
			uid, another := os.Geteuid(), os.Geteuid()+1
			us, child := os.Getpid(), []int{c.PID}
			for _, c := range []matchCase{
				{"alone", rules.Criteria{PID: c.PID}, Running, child},
				{"its parent", rules.Criteria{PID: c.PID, PPID: us}, Running, child},
				{"another parent", rules.Criteria{PID: c.PID, PPID: 1}, NotRunning, nil},
				{"its user", rules.Criteria{PID: c.PID, UID: &uid}, Running, child},
				{"another user", rules.Criteria{PID: c.PID, UID: &another}, NotRunning, nil},
				{"its name", rules.Criteria{PID: c.PID, Name: "daemon"}, Running, child},
				{"the begin of its name", rules.Criteria{PID: c.PID, Name: "daemo"}, NotRunning, nil},
				{"more than its name", rules.Criteria{PID: c.PID, Name: "daemon-with-a-long-name"}, NotRunning, nil},
				{"its executable", rules.Criteria{PID: c.PID, Exec: c.Path}, Running, child},
				{"all of these", rules.Criteria{PID: c.PID, Exec: c.Path, Name: "daemon", UID: &uid, PPID: us}, Running, child},
				{"another executable", rules.Criteria{PID: c.PID, Exec: "/bin/sh"}, NotRunning, nil},
				{"its executable, another user", rules.Criteria{PID: c.PID, Exec: c.Path, UID: &another}, NotRunning, nil},
				{"nobody", rules.Criteria{PID: gone.PID}, NotRunning, nil},
				{"a zombie", rules.Criteria{PID: zombie.PID}, NotRunning, nil},
				{"no PID at all", rules.Criteria{PID: fact.PIDMax + 1}, NotRunning, nil},
				{"ourselves", rules.Criteria{PID: us}, NotRunning, nil},
				{"ourselves by our parent", rules.Criteria{PID: us, PPID: os.Getppid()}, NotRunning, nil},
			} {
				c.check(t, h)
			}
		})
	}
}

// Of names with more than 15 characters the kernel keeps 15 (Debian bugs 353015,
// 519128).
func TestMatchName(t *testing.T) {
	dir := t.TempDir()
	unique := strconv.Itoa(os.Getpid())
	short := unique + "-short"
	long := unique + "-a-very-long-daemon-name"
	sibling := long[:rules.CommLen] + "-of-its-sibling"
	titled := unique + "-another-very-long-name"
	scripted := unique + "-yet-another-script"

	a := echoing(t, exec.Command(copyOf(t, "cat", filepath.Join(dir, short))))
	b := echoing(t, exec.Command(copyOf(t, "cat", filepath.Join(dir, long))))
	other := echoing(t, exec.Command(copyOf(t, "cat", filepath.Join(dir, sibling))))
	command := exec.Command(copyOf(t, "cat", filepath.Join(dir, titled)))
	command.Args[0] = "a title:"
	titledOne := echoing(t, command)
	script := filepath.Join(dir, scripted)
	must.Do(t, os.WriteFile(script, []byte("#!/bin/sh\nread -r line\necho \"$line\"\nread -r line\n"), 0o755))
	s := echoing(t, exec.Command(script))
	// The executable is gone: its name is not.
	must.Do(t, os.Remove(titledOne.Path))

	none := unique + "-nobody"
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			for _, c := range []matchCase{
				{"short", rules.Criteria{Name: short}, Running, []int{a.PID}},
				{"long, by its arguments", rules.Criteria{Name: long}, Running, []int{b.PID}},
				{"long, the sibling", rules.Criteria{Name: sibling}, Running, []int{other.PID}},
				{"long, by its executable", rules.Criteria{Name: titled}, Running, []int{titledOne.PID}},
				{"long, a script", rules.Criteria{Name: scripted}, Running, []int{s.PID}},
				{"15 characters stand for all that begin so", rules.Criteria{Name: long[:rules.CommLen]}, Running, sorted(b.PID, other.PID)},
				{"14 characters", rules.Criteria{Name: long[:rules.CommLen-1]}, NotRunning, nil},
				{"16 characters", rules.Criteria{Name: long[:rules.CommLen+1]}, NotRunning, nil},
				{"nobody's", rules.Criteria{Name: none}, NotRunning, nil},
				{"with its parent", rules.Criteria{Name: long, PPID: os.Getpid()}, Running, []int{b.PID}},
				{"with another parent", rules.Criteria{Name: long, PPID: 1}, NotRunning, nil},
				{"with its executable", rules.Criteria{Name: titled, Exec: titledOne.Path}, Running, []int{titledOne.PID}},
				{"with another's executable", rules.Criteria{Name: titled, Exec: b.Path}, NotRunning, nil},
			} {
				c.check(t, h)
			}
		})
	}
}

func sorted(pids ...int) []int {
	slices.Sort(pids)
	return pids
}

// Children of one parent, and of it alone.
func TestMatchParent(t *testing.T) {
	d := startFamily(t)
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			for _, c := range []matchCase{
				{"a family", rules.Criteria{PPID: d.PID}, Running, sorted(d.workers...)},
				{"by executable", rules.Criteria{PPID: d.PID, Exec: d.Path}, Running, sorted(d.workers...)},
				{"the whole of it", rules.Criteria{Exec: d.Path}, Running, sorted(append(slices.Clone(d.workers), d.PID)...)},
				{"nobody's parent", rules.Criteria{PPID: d.workers[0]}, NotRunning, nil},
			} {
				c.check(t, h)
			}
		})
	}
}

func TestMatchUser(t *testing.T) {
	need.Root(t)
	const nobody = 64123 // a user that runs nothing else
	cat, err := exec.LookPath("cat")
	must.Do(t, err)
	command := exec.Command(cat)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	c := echoing(t, command)
	root, uid, nobodys := 0, nobody, nobody+1
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			for _, c := range []matchCase{
				{"all of a user", rules.Criteria{UID: &uid}, Running, []int{c.PID}},
				{"who runs nothing", rules.Criteria{UID: &nobodys}, NotRunning, nil},
				{"with a name", rules.Criteria{UID: &uid, Name: filepath.Base(cat)}, Running, []int{c.PID}},
				{"root did not start it", rules.Criteria{UID: &root, PID: c.PID}, NotRunning, nil},
			} {
				c.check(t, h)
			}
		})
	}
}

func TestMatchExec(t *testing.T) {
	c, other := child.Start(t), child.Start(t)
	uid := os.Geteuid()
	another := uid + 1
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			must.Do(t, os.WriteFile(c.Path+".dpkg-new", nil, 0o755), os.Rename(c.Path+".dpkg-new", c.Path))
			for _, c := range []matchCase{
				{"replaced", rules.Criteria{Exec: c.Path}, Running, []int{c.PID}},
				{"by its user", rules.Criteria{Exec: c.Path, UID: &uid}, Running, []int{c.PID}},
				{"by another user", rules.Criteria{Exec: c.Path, UID: &another}, NotRunning, nil},
				{"under another name", rules.Criteria{Exec: c.Path, Name: "other"}, NotRunning, nil},
				{"nobody runs it", rules.Criteria{Exec: c.Path + ".none"}, NotRunning, nil},
				{"another", rules.Criteria{Exec: other.Path}, Running, []int{other.PID}},
			} {
				c.check(t, h)
			}
		})
	}
	if _, err := Match(context.Background(), rules.Criteria{Exec: "/"}, nil); err == nil {
		t.Error("a directory was taken for an executable")
	}
}

func TestMatchPidfile(t *testing.T) {
	c, other, gone := child.Start(t), child.Start(t), child.Start(t)
	gone.End()
	uid, another := os.Geteuid(), os.Geteuid()+1
	pidfile, stale := c.Pidfile(), gone.Pidfile()
	garbage := stale + ".garbage"
	must.Write(t, garbage, "12abc\n")
	child := []int{c.PID}
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			for _, c := range []matchCase{
				{"alone", rules.Criteria{Pidfile: pidfile}, Running, child},
				{"with its executable", rules.Criteria{Pidfile: pidfile, Exec: c.Path}, Running, child},
				{"with all", rules.Criteria{Pidfile: pidfile, Exec: c.Path, UID: &uid, Name: "daemon", PPID: os.Getpid()}, Running, child},
				{"another user", rules.Criteria{Pidfile: pidfile, Exec: c.Path, UID: &another}, Dead, nil},
				{"another name", rules.Criteria{Pidfile: pidfile, Exec: c.Path, Name: "other"}, Dead, nil},
				{"another parent", rules.Criteria{Pidfile: pidfile, PPID: 1}, Dead, nil},
				{"another executable", rules.Criteria{Pidfile: pidfile, Exec: "/bin/true"}, Dead, nil},
				{"stale", rules.Criteria{Pidfile: stale}, Dead, nil},
				{"stale, with the executable that others run", rules.Criteria{Pidfile: stale, Exec: other.Path}, Dead, nil},
				{"it names nobody", rules.Criteria{Pidfile: garbage}, Dead, nil},
				{"there is none", rules.Criteria{Pidfile: stale + ".none", Exec: c.Path}, NotRunning, nil},
				{"a directory", rules.Criteria{Pidfile: filepath.Dir(stale)}, Unknown, nil},
				{"and its PID", rules.Criteria{Pidfile: pidfile, PID: c.PID}, Running, child},
				// dpkg looks at the PID alone; nobody may be signalled that was not asked for.
				{"and another's PID", rules.Criteria{Pidfile: pidfile, PID: other.PID}, Dead, nil},
			} {
				c.check(t, h)
			}
		})
	}
}

// Without an executable a stale number is whoever has it now: start-stop-daemon
// --stop --pidfile /run/monit.pid, as Debian's monit script does.
func TestMatchLatePidfile(t *testing.T) {
	c := child.Start(t)
	dir := filepath.Dir(c.Pidfile())
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			for base, want := range map[string]Verdict{"daemond.pid": Running, "monit.pid": Unknown} {
				pidfile := filepath.Join(dir, base)
				must.Write(t, pidfile, strconv.Itoa(c.PID))
				past := time.Now().Add(-time.Hour)
				must.Do(t, os.Chtimes(pidfile, past, past))
				m, err := h.match(context.Background(), rules.Criteria{Pidfile: pidfile})
				if err != nil || m.Verdict != want {
					t.Errorf("%s: got %v (%s), %v; want %v", base, m.Verdict, m.Reason, err, want)
				}
				if want == Unknown && (m.Rule != rules.RuleLate || len(m.Found) != 0 || !slices.Equal(m.Unclear, []int{c.PID})) {
					t.Errorf("%s: rule %s, %d found, unclear %v", base, m.Rule, len(m.Found), m.Unclear)
				}
				m.Release()
				// With the executable it is proven, and the clock was set.
				m, err = h.match(context.Background(), rules.Criteria{Pidfile: pidfile, Exec: c.Path})
				if err != nil || m.Verdict != Running {
					t.Errorf("%s with its executable: got %v (%s), %v", base, m.Verdict, m.Reason, err)
				}
				m.Release()
			}
		})
	}
}

// /proc hides other users' processes: that none was seen says nothing.
func TestMatchUnderHidepid(t *testing.T) {
	f := loadFixture(t, filepath.Join(fixtures, "criteria-name.txtar"))
	must.Do(t, os.RemoveAll(f.path("proc/1")))
	uid := 4242
	for name, c := range map[string]rules.Criteria{
		"name":   {Name: "service"},
		"user":   {UID: &uid},
		"parent": {PPID: 4242},
		"exec":   {Exec: f.path("usr/sbin/daemon")},
	} {
		m, err := f.host.match(context.Background(), c)
		if err != nil || m.Verdict != Unknown || !strings.Contains(m.Reason, "hid") {
			t.Errorf("%s: got %v (%s), %v; want unknown, for it may be hidden", name, m.Verdict, m.Reason, err)
		}
		m.Release()
	}
	f.hidden[4000002] = true
	m, err := f.host.match(context.Background(), rules.Criteria{PID: 4000002, Name: "service"})
	if err != nil || m.Verdict != Unknown || !slices.Equal(m.Unclear, []int{4000002}) {
		t.Errorf("a hidden PID: got %v %v (%s), %v", m.Verdict, m.Unclear, m.Reason, err)
	}
}

func TestMatchNotOurProc(t *testing.T) {
	h := thisHost()
	h.Proc = t.TempDir()
	pidfile := filepath.Join(h.Proc, "x.pid")
	must.Do(t, os.WriteFile(pidfile, []byte("1234567\n"), 0o644))
	for _, c := range []rules.Criteria{{Name: "cat"}, {PID: 1}, {Pidfile: pidfile}, {Exec: "/bin/cat"}} {
		m, err := h.match(context.Background(), c)
		if err != nil || m.Verdict != Unknown || m.Rule != rules.RuleNotOurProc {
			t.Errorf("%+v: got %v %v, %v", c, m.Verdict, m.Rule, err)
		}
	}
	// Installations in a chroot: dpkg's looks no further (issue 18).
	m, err := h.match(context.Background(), rules.Criteria{Pidfile: pidfile + "none", Exec: "/bin/cat"})
	if err != nil || m.Verdict != NotRunning || m.Rule != rules.RuleNoPidfile {
		t.Errorf("no pidfile: got %v %v, %v", m.Verdict, m.Rule, err)
	}
}

func TestMatchDeadline(t *testing.T) {
	m := noMatch(rules.Criteria{Pidfile: "/run/x.pid"}, "reading")
	if m.Verdict != Unknown || m.Rule != rules.RuleDeadline || m.Pidfile.Path != "/run/x.pid" || m.Pidfile.State != rules.PidfileUnread {
		t.Errorf("got %+v", m)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	// It may have been quicker, but an answer it is.
	m, err := Match(ctx, rules.Criteria{PID: os.Getppid()}, nil)
	if err != nil || m.Rule != rules.RuleDeadline && m.Verdict != Running && m.Verdict != NotRunning {
		t.Errorf("got %v %v, %v", m.Verdict, m.Rule, err)
	}
	m.Release()
}
