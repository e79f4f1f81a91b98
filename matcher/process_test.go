package matcher

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// child is a real process: a copy of cat, which lives until its input ends.
type child struct {
	t    *testing.T
	cmd  *exec.Cmd
	path string
	pid  int
}

func startChild(t *testing.T) *child {
	t.Helper()
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(cat)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, path: filepath.Join(t.TempDir(), "daemon")}
	if err := os.WriteFile(c.path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	c.cmd = exec.Command(c.path)
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.pid = c.cmd.Process.Pid
	t.Cleanup(c.end)
	if _, err := in.Write([]byte("up\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return c
}

// end kills and collects it, which frees its number.
func (c *child) end() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

func (c *child) pidfile() string {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), "daemon.pid")
	if err := os.WriteFile(path, []byte(strconv.Itoa(c.pid)+"\n"), 0o644); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// withoutPidfd is this host before Linux 5.3, or under a seccomp filter.
func withoutPidfd(err error) *host {
	h := thisHost()
	h.pidfdOpen = func(int) (int, error) { return -1, err }
	return h
}

func TestCheckRealProcess(t *testing.T) {
	for name, h := range map[string]*host{
		"pidfd":  thisHost(),
		"ENOSYS": withoutPidfd(unix.ENOSYS),
		"EPERM":  withoutPidfd(unix.EPERM),
	} {
		t.Run(name, func(t *testing.T) {
			c := startChild(t)
			in := Instance{Daemon: c.path, Pidfile: c.pidfile()}
			want := func(step, verdict string) {
				t.Helper()
				r, err := h.check(context.Background(), in)
				if got := r.Verdict.String() + " " + string(r.Rule); err != nil || got != verdict {
					t.Errorf("%s: got %s (%s), %v; want %s", step, got, r.Reason, err, verdict)
				}
				if wantPin := map[bool]string{true: "pidfd", false: "start time"}[name == "pidfd"]; r.Main.Evidence.Pin != wantPin && verdict != "dead gone" {
					t.Errorf("%s: pinned by %q, want %q", step, r.Main.Evidence.Pin, wantPin)
				}
			}
			want("running", "running same-file")
			successor := c.path + ".dpkg-new"
			if err := os.WriteFile(successor, []byte("new"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(successor, c.path); err != nil {
				t.Fatal(err)
			}
			want("replaced", "running replaced")
			if err := os.Remove(c.path); err != nil {
				t.Fatal(err)
			}
			want("removed", "running replaced")
			c.end()
			want("ended", "dead gone")
		})
	}
}

// The process ends while it is looked at, and its number may be another's: what
// was read is nobody's.
func TestEndedWhileRead(t *testing.T) {
	t.Run("pidfd", func(t *testing.T) {
		c, h := startChild(t), thisHost()
		if err := h.open(); err != nil {
			t.Fatal(err)
		}
		held, life, err := h.pin(c.pid)
		if err != nil || life != Alive {
			t.Fatal(life, err)
		}
		defer held.release()
		c.end()
		held.pid = os.Getpid() // as if the number had passed to us
		if e, err := h.collect(held); err != nil || e.Life != Gone {
			t.Errorf("got %v, %v; want gone", e.Life, err)
		}
	})
	t.Run("start time", func(t *testing.T) {
		c, h := startChild(t), withoutPidfd(unix.ENOSYS)
		if err := h.open(); err != nil {
			t.Fatal(err)
		}
		held, _, _ := h.pin(c.pid)
		e, err := h.collect(held)
		changed := func(start uint64) bool {
			t.Helper()
			changed, err := h.changedHands(held, start)
			must(t, err)
			return changed
		}
		if err != nil || e.Life != Alive || changed(e.StartTicks) {
			t.Fatalf("alive: got %v, %v", e.Life, err)
		}
		if !changed(e.StartTicks - 1) {
			t.Error("another start time was not noticed")
		}
		c.end()
		if !changed(e.StartTicks) {
			t.Error("its end was not noticed")
		}
	})
}

func TestPinTellsThreadsFromProcesses(t *testing.T) {
	tid := make(chan int)
	release := make(chan struct{})
	defer close(release)
	for range 2 { // one of them may get the first thread
		go func() {
			runtime.LockOSThread()
			tid <- unix.Gettid()
			<-release
		}()
	}
	thread, other := <-tid, <-tid
	if thread == os.Getpid() {
		thread = other
	}
	for name, h := range map[string]*host{"pidfd": thisHost(), "ENOSYS": withoutPidfd(unix.ENOSYS)} {
		if err := h.open(); err != nil {
			t.Fatal(err)
		}
		e, d, err := h.judge(Daemon{Path: "/x", Real: "/x"}, Pidfile{}, thread)
		if err != nil || e.Life != Thread || d.Rule != RuleGone {
			t.Errorf("%s: got %v %v, %v; want thread gone", name, e.Life, d.Rule, err)
		}
	}
}

// What pidproof runs under is all the way up, and nobody else.
func TestRunsUnder(t *testing.T) {
	h := thisHost()
	held := func(pid int) *Process {
		t.Helper()
		p, err := h.hold(question{daemon: Daemon{Path: "/nosuch", Real: "/nosuch"}}, pid)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Release)
		return &p
	}
	sibling := exec.Command("sleep", "60")
	if err := sibling.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = sibling.Process.Kill(), sibling.Wait() }()
	for name, c := range map[string]struct {
		pid  int
		want bool
	}{"parent": {os.Getppid(), true}, "a child": {sibling.Process.Pid, false}} {
		if got, err := RunsUnder(os.Getppid(), held(c.pid)); got != c.want || err != nil {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
}
