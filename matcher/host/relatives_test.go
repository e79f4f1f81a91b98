package host

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"pidproof/testdata/must"
)

// What we run under is all the way up, and nobody else; a child is there while it lives.
func TestRelatives(t *testing.T) {
	before := time.Now()
	child := exec.Command("sleep", "60")
	must.Do(t, child.Start())
	defer func() { _, _ = child.Process.Kill(), child.Wait() }()
	ancestors, err := Ancestors(os.Getppid())
	must.Do(t, err)
	if ancestors[0] != os.Getppid() || slices.Contains(ancestors, child.Process.Pid) || slices.Contains(ancestors, os.Getpid()) {
		t.Errorf("%v are above us, the test %d of %d with the child %d", ancestors, os.Getpid(), os.Getppid(), child.Process.Pid)
	}
	children, err := Children(os.Getpid())
	must.Do(t, err)
	if !slices.Contains(children, child.Process.Pid) || slices.Contains(children, os.Getppid()) {
		t.Errorf("our children are %v, want %d among them", children, child.Process.Pid)
	}
	const tick = 10 * time.Millisecond // of /proc/PID/stat
	started, err := StartedAt(child.Process.Pid)
	if must.Do(t, err); started.Before(before.Add(-2*tick)) || started.After(time.Now().Add(tick)) {
		t.Errorf("it started at %v, after %v", started, before)
	}
	must.Do(t, child.Process.Kill())
	_ = child.Wait()
	if none, err := Ancestors(child.Process.Pid); len(none) > 0 || err != nil {
		t.Errorf("above nobody are %v, %v", none, err)
	}
	if _, err := StartedAt(child.Process.Pid); err == nil {
		t.Error("nobody has started")
	}
}
