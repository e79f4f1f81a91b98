package kernel

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/testdata/child"
	"pidproof/testdata/must"
)

// systemWithout is this system before Linux 5.3, or under a seccomp filter.
func systemWithout(err error) *System {
	s := ThisSystem()
	s.PidfdOpen = func(int) (int, error) { return -1, err }
	return s
}

// systems are this one with pidfds, and as if it had none.
func systems() map[string]*System {
	return map[string]*System{
		"pidfd":  ThisSystem(),
		"ENOSYS": systemWithout(unix.ENOSYS),
		"EPERM":  systemWithout(unix.EPERM),
	}
}

// The process ends while it is looked at, and its number may be another's: what
// was read is nobody's.
func TestEndedWhileRead(t *testing.T) {
	t.Run("pidfd", func(t *testing.T) {
		c, h := child.Start(t), ThisSystem()
		if err := h.Open(); err != nil {
			t.Fatal(err)
		}
		held, life, err := h.Pin(c.PID)
		if err != nil || life != fact.Alive {
			t.Fatal(life, err)
		}
		defer held.Release()
		c.End()
		held.pid = os.Getpid() // as if the number had passed to us
		if e, err := h.Collect(held); err != nil || e.Life != fact.Gone {
			t.Errorf("got %v, %v; want gone", e.Life, err)
		}
	})
	t.Run("start time", func(t *testing.T) {
		c, h := child.Start(t), systemWithout(unix.ENOSYS)
		if err := h.Open(); err != nil {
			t.Fatal(err)
		}
		held, _, _ := h.Pin(c.PID)
		e, err := h.Collect(held)
		changed := func(start uint64) bool {
			t.Helper()
			changed, err := held.ChangedHands(start)
			must.Do(t, err)
			return changed
		}
		if err != nil || e.Life != fact.Alive || changed(e.StartTicks) {
			t.Fatalf("alive: got %v, %v", e.Life, err)
		}
		if !changed(e.StartTicks - 1) {
			t.Error("another start time was not noticed")
		}
		c.End()
		if !changed(e.StartTicks) {
			t.Error("its end was not noticed")
		}
	})
}
