package matcher

import (
	"context"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/rules"
	"pidproof/testdata/child"
)

func TestCheckRealProcess(t *testing.T) {
	for name, h := range map[string]*host{
		"pidfd":  thisHost(),
		"ENOSYS": withoutPidfd(unix.ENOSYS),
		"EPERM":  withoutPidfd(unix.EPERM),
	} {
		t.Run(name, func(t *testing.T) {
			c := child.Start(t)
			in := Instance{Daemon: c.Path, Pidfile: c.Pidfile()}
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
			successor := c.Path + ".dpkg-new"
			if err := os.WriteFile(successor, []byte("new"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(successor, c.Path); err != nil {
				t.Fatal(err)
			}
			want("replaced", "running replaced")
			if err := os.Remove(c.Path); err != nil {
				t.Fatal(err)
			}
			want("removed", "running replaced")
			c.End()
			want("ended", "dead gone")
		})
	}
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
		if err := h.Open(); err != nil {
			t.Fatal(err)
		}
		e, d, err := h.judge(rules.Daemon{Path: "/x", Real: "/x"}, rules.Pidfile{}, thread)
		if err != nil || e.Life != fact.Thread || d.Rule != rules.RuleGone {
			t.Errorf("%s: got %v %v, %v; want thread gone", name, e.Life, d.Rule, err)
		}
	}
}
