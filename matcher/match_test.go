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

	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

// echoing starts a command that gives back the line it is given, and then waits
// for the end of its input.
func echoing(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
	c := &child{t: t, cmd: cmd, path: cmd.Path}
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err, cmd.Start())
	c.pid = cmd.Process.Pid
	t.Cleanup(c.end)
	_, err = in.Write([]byte("up\n"))
	must(t, err)
	_, err = bufio.NewReader(out).ReadString('\n')
	must(t, err)
	return c
}

// copyOf puts a copy of a program of PATH at a path.
func copyOf(t *testing.T, program, path string) string {
	t.Helper()
	found, err := exec.LookPath(program)
	must(t, err)
	content, err := os.ReadFile(found)
	must(t, err, os.WriteFile(path, content, 0o755))
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
	criteria Criteria
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
	for i := range m.Found {
		if p := &m.Found[i]; p.Ended() || p.Signal(0) != nil {
			t.Errorf("%s: %d is not held", c.name, p.Evidence.PID)
		}
	}
	m.Release()
}

func TestMatchPID(t *testing.T) {
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			c, gone, zombie := startChild(t), startChild(t), startChild(t)
			gone.end()
			must(t, zombie.cmd.Process.Kill())
			if left := AwaitEnd([]*Process{held(t, h, zombie.pid)}, time.Now().Add(waiting.Limit)); len(left) != 0 {
				t.Fatal("it has not ended")
			}
			uid, another := os.Geteuid(), os.Geteuid()+1
			us, child := os.Getpid(), []int{c.pid}
			for _, c := range []matchCase{
				{"alone", Criteria{PID: c.pid}, Running, child},
				{"its parent", Criteria{PID: c.pid, PPID: us}, Running, child},
				{"another parent", Criteria{PID: c.pid, PPID: 1}, NotRunning, nil},
				{"its user", Criteria{PID: c.pid, UID: &uid}, Running, child},
				{"another user", Criteria{PID: c.pid, UID: &another}, NotRunning, nil},
				{"its name", Criteria{PID: c.pid, Name: "daemon"}, Running, child},
				{"the begin of its name", Criteria{PID: c.pid, Name: "daemo"}, NotRunning, nil},
				{"more than its name", Criteria{PID: c.pid, Name: "daemon-with-a-long-name"}, NotRunning, nil},
				{"its executable", Criteria{PID: c.pid, Exec: c.path}, Running, child},
				{"all of these", Criteria{PID: c.pid, Exec: c.path, Name: "daemon", UID: &uid, PPID: us}, Running, child},
				{"another executable", Criteria{PID: c.pid, Exec: "/bin/sh"}, NotRunning, nil},
				{"its executable, another user", Criteria{PID: c.pid, Exec: c.path, UID: &another}, NotRunning, nil},
				{"nobody", Criteria{PID: gone.pid}, NotRunning, nil},
				{"a zombie", Criteria{PID: zombie.pid}, NotRunning, nil},
				{"no PID at all", Criteria{PID: PIDMax + 1}, NotRunning, nil},
				{"ourselves", Criteria{PID: us}, NotRunning, nil},
				{"ourselves by our parent", Criteria{PID: us, PPID: os.Getppid()}, NotRunning, nil},
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
	sibling := long[:commLen] + "-of-its-sibling"
	titled := unique + "-another-very-long-name"
	scripted := unique + "-yet-another-script"

	a := echoing(t, exec.Command(copyOf(t, "cat", filepath.Join(dir, short))))
	b := echoing(t, exec.Command(copyOf(t, "cat", filepath.Join(dir, long))))
	other := echoing(t, exec.Command(copyOf(t, "cat", filepath.Join(dir, sibling))))
	command := exec.Command(copyOf(t, "cat", filepath.Join(dir, titled)))
	command.Args[0] = "a title:"
	titledOne := echoing(t, command)
	script := filepath.Join(dir, scripted)
	must(t, os.WriteFile(script, []byte("#!/bin/sh\nread -r line\necho \"$line\"\nread -r line\n"), 0o755))
	s := echoing(t, exec.Command(script))
	// The executable is gone: its name is not.
	must(t, os.Remove(titledOne.path))

	none := unique + "-nobody"
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			for _, c := range []matchCase{
				{"short", Criteria{Name: short}, Running, []int{a.pid}},
				{"long, by its arguments", Criteria{Name: long}, Running, []int{b.pid}},
				{"long, the sibling", Criteria{Name: sibling}, Running, []int{other.pid}},
				{"long, by its executable", Criteria{Name: titled}, Running, []int{titledOne.pid}},
				{"long, a script", Criteria{Name: scripted}, Running, []int{s.pid}},
				{"15 characters stand for all that begin so", Criteria{Name: long[:commLen]}, Running, sorted(b.pid, other.pid)},
				{"14 characters", Criteria{Name: long[:commLen-1]}, NotRunning, nil},
				{"16 characters", Criteria{Name: long[:commLen+1]}, NotRunning, nil},
				{"nobody's", Criteria{Name: none}, NotRunning, nil},
				{"with its parent", Criteria{Name: long, PPID: os.Getpid()}, Running, []int{b.pid}},
				{"with another parent", Criteria{Name: long, PPID: 1}, NotRunning, nil},
				{"with its executable", Criteria{Name: titled, Exec: titledOne.path}, Running, []int{titledOne.pid}},
				{"with another's executable", Criteria{Name: titled, Exec: b.path}, NotRunning, nil},
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
				{"a family", Criteria{PPID: d.pid}, Running, sorted(d.workers...)},
				{"by executable", Criteria{PPID: d.pid, Exec: d.path}, Running, sorted(d.workers...)},
				{"the whole of it", Criteria{Exec: d.path}, Running, sorted(append(slices.Clone(d.workers), d.pid)...)},
				{"nobody's parent", Criteria{PPID: d.workers[0]}, NotRunning, nil},
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
	must(t, err)
	command := exec.Command(cat)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	c := echoing(t, command)
	root, uid, nobodys := 0, nobody, nobody+1
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			for _, c := range []matchCase{
				{"all of a user", Criteria{UID: &uid}, Running, []int{c.pid}},
				{"who runs nothing", Criteria{UID: &nobodys}, NotRunning, nil},
				{"with a name", Criteria{UID: &uid, Name: filepath.Base(cat)}, Running, []int{c.pid}},
				{"root did not start it", Criteria{UID: &root, PID: c.pid}, NotRunning, nil},
			} {
				c.check(t, h)
			}
		})
	}
}

func TestMatchExec(t *testing.T) {
	c, other := startChild(t), startChild(t)
	uid := os.Geteuid()
	another := uid + 1
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			must(t, os.WriteFile(c.path+".dpkg-new", nil, 0o755), os.Rename(c.path+".dpkg-new", c.path))
			for _, c := range []matchCase{
				{"replaced", Criteria{Exec: c.path}, Running, []int{c.pid}},
				{"by its user", Criteria{Exec: c.path, UID: &uid}, Running, []int{c.pid}},
				{"by another user", Criteria{Exec: c.path, UID: &another}, NotRunning, nil},
				{"under another name", Criteria{Exec: c.path, Name: "other"}, NotRunning, nil},
				{"nobody runs it", Criteria{Exec: c.path + ".none"}, NotRunning, nil},
				{"another", Criteria{Exec: other.path}, Running, []int{other.pid}},
			} {
				c.check(t, h)
			}
		})
	}
	if _, err := Match(context.Background(), Criteria{Exec: "/"}, nil); err == nil {
		t.Error("a directory was taken for an executable")
	}
}

func TestMatchPidfile(t *testing.T) {
	c, other, gone := startChild(t), startChild(t), startChild(t)
	gone.end()
	uid, another := os.Geteuid(), os.Geteuid()+1
	pidfile, stale := c.pidfile(), gone.pidfile()
	garbage := stale + ".garbage"
	put(t, garbage, "12abc\n")
	child := []int{c.pid}
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			for _, c := range []matchCase{
				{"alone", Criteria{Pidfile: pidfile}, Running, child},
				{"with its executable", Criteria{Pidfile: pidfile, Exec: c.path}, Running, child},
				{"with all", Criteria{Pidfile: pidfile, Exec: c.path, UID: &uid, Name: "daemon", PPID: os.Getpid()}, Running, child},
				{"another user", Criteria{Pidfile: pidfile, Exec: c.path, UID: &another}, Dead, nil},
				{"another name", Criteria{Pidfile: pidfile, Exec: c.path, Name: "other"}, Dead, nil},
				{"another parent", Criteria{Pidfile: pidfile, PPID: 1}, Dead, nil},
				{"another executable", Criteria{Pidfile: pidfile, Exec: "/bin/true"}, Dead, nil},
				{"stale", Criteria{Pidfile: stale}, Dead, nil},
				{"stale, with the executable that others run", Criteria{Pidfile: stale, Exec: other.path}, Dead, nil},
				{"it names nobody", Criteria{Pidfile: garbage}, Dead, nil},
				{"there is none", Criteria{Pidfile: stale + ".none", Exec: c.path}, NotRunning, nil},
				{"a directory", Criteria{Pidfile: filepath.Dir(stale)}, Unknown, nil},
				{"and its PID", Criteria{Pidfile: pidfile, PID: c.pid}, Running, child},
				// dpkg looks at the PID alone; nobody may be signalled that was not asked for.
				{"and another's PID", Criteria{Pidfile: pidfile, PID: other.pid}, Dead, nil},
			} {
				c.check(t, h)
			}
		})
	}
}

// Without an executable a stale number is whoever has it now: start-stop-daemon
// --stop --pidfile /run/monit.pid, as Debian's monit script does.
func TestMatchLatePidfile(t *testing.T) {
	c := startChild(t)
	dir := filepath.Dir(c.pidfile())
	for name, h := range hosts() {
		t.Run(name, func(t *testing.T) {
			for base, want := range map[string]Verdict{"daemond.pid": Running, "monit.pid": Unknown} {
				pidfile := filepath.Join(dir, base)
				put(t, pidfile, strconv.Itoa(c.pid))
				past := time.Now().Add(-time.Hour)
				must(t, os.Chtimes(pidfile, past, past))
				m, err := h.match(context.Background(), Criteria{Pidfile: pidfile})
				if err != nil || m.Verdict != want {
					t.Errorf("%s: got %v (%s), %v; want %v", base, m.Verdict, m.Reason, err, want)
				}
				if want == Unknown && (m.Rule != RuleLate || len(m.Found) != 0 || !slices.Equal(m.Unclear, []int{c.pid})) {
					t.Errorf("%s: rule %s, %d found, unclear %v", base, m.Rule, len(m.Found), m.Unclear)
				}
				m.Release()
				// With the executable it is proven, and the clock was set.
				m, err = h.match(context.Background(), Criteria{Pidfile: pidfile, Exec: c.path})
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
	must(t, os.RemoveAll(f.path("proc/1")))
	uid := 4242
	for name, c := range map[string]Criteria{
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
	m, err := f.host.match(context.Background(), Criteria{PID: 4000002, Name: "service"})
	if err != nil || m.Verdict != Unknown || !slices.Equal(m.Unclear, []int{4000002}) {
		t.Errorf("a hidden PID: got %v %v (%s), %v", m.Verdict, m.Unclear, m.Reason, err)
	}
}

func TestMatchNotOurProc(t *testing.T) {
	h := thisHost()
	h.proc = t.TempDir()
	for _, c := range []Criteria{{Name: "cat"}, {PID: 1}, {Pidfile: "/run/x.pid"}, {Exec: "/bin/cat"}} {
		m, err := h.match(context.Background(), c)
		if err != nil || m.Verdict != Unknown || m.Rule != RuleNotOurProc {
			t.Errorf("%+v: got %v %v, %v", c, m.Verdict, m.Rule, err)
		}
	}
}

func TestMatchDeadline(t *testing.T) {
	m := NoMatch(Criteria{Pidfile: "/run/x.pid"}, "reading")
	if m.Verdict != Unknown || m.Rule != RuleDeadline || m.Pidfile.Path != "/run/x.pid" || m.Pidfile.State != PidfileUnread {
		t.Errorf("got %+v", m)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	// It may have been quicker, but an answer it is.
	m, err := Match(ctx, Criteria{PID: os.Getppid()}, nil)
	if err != nil || m.Rule != RuleDeadline && m.Verdict != Running && m.Verdict != NotRunning {
		t.Errorf("got %v %v, %v", m.Verdict, m.Rule, err)
	}
	m.Release()
}
