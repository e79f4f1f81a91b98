package matcher

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// systemWithout is this system before Linux 5.3, or under a seccomp filter.
func systemWithout(err error) *system {
	s := thisSystem()
	s.pidfdOpen = func(int) (int, error) { return -1, err }
	return s
}

// systems are this one with pidfds, and as if it had none.
func systems() map[string]*system {
	return map[string]*system{
		"pidfd":  thisSystem(),
		"ENOSYS": systemWithout(unix.ENOSYS),
		"EPERM":  systemWithout(unix.EPERM),
	}
}

// The process ends while it is looked at, and its number may be another's: what
// was read is nobody's.
func TestEndedWhileRead(t *testing.T) {
	t.Run("pidfd", func(t *testing.T) {
		c, h := startChild(t), thisSystem()
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
		c, h := startChild(t), systemWithout(unix.ENOSYS)
		if err := h.open(); err != nil {
			t.Fatal(err)
		}
		held, _, _ := h.pin(c.pid)
		e, err := h.collect(held)
		changed := func(start uint64) bool {
			t.Helper()
			changed, err := held.changedHands(start)
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
