package kernel

import "testing"

// A process whose other thread calls execve(2) is not called ended while its first thread is dead and not let go of yet:
// check said 150 of a program that executes itself, once in 16,000 times.
func TestHasEnded(t *testing.T) {
	for _, c := range []struct {
		state   string
		threads int
		ended   bool
	}{
		{"S", 1, false}, {"Z", 1, true}, {"X", 1, true}, {"Z", 2, false}, {"X", 2, false},
	} {
		if ended := HasEnded(Stat{State: c.state, Threads: c.threads}); ended != c.ended {
			t.Errorf("%s with %d threads: ended is %v", c.state, c.threads, ended)
		}
	}
}
