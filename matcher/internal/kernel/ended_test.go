package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pidproof/testdata/must"
)

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

// All threads have ended only where all that there are were seen: a directory of threads lacks one that was made
// since, and under the number of one that calls execve(2) the first is seen again (check said 1 of a program that
// executes itself, in a test beside load).
func TestEveryThreadIsEnding(t *testing.T) {
	const pid, other, running, exiting = 4000001, 4000002, 0x400000, 0x400004
	type its struct {
		state          string
		flags, threads int
	}
	for name, c := range map[string]struct {
		threads map[int]its
		ending  bool
	}{
		"both are ending":             {map[int]its{pid: {"Z", exiting, 2}, other: {"D", exiting, 2}}, true},
		"the first alone":             {map[int]its{pid: {"D", exiting, 1}}, true},
		"one goes on":                 {map[int]its{pid: {"Z", exiting, 2}, other: {"S", running, 2}}, false},
		"one is not listed":           {map[int]its{pid: {"Z", exiting, 3}, other: {"D", exiting, 3}}, false},
		"the first one is seen twice": {map[int]its{pid: {"Z", exiting, 2}, other: {"X", exiting, 2}}, false},
		"one was let go of":           {map[int]its{pid: {"Z", exiting, 2}, other: {"D", exiting, 0}}, false},
	} {
		h := &System{Proc: t.TempDir()}
		must.Do(t, os.MkdirAll(h.PidPath(os.Getpid(), ""), 0o755))
		for number, its := range c.threads {
			line := fmt.Appendf(nil, "%d (webd) %s 1 1 1 0 -1 %d 0 0 0 0 0 0 0 0 20 0 %d 0 100"+strings.Repeat(" 0", 30), number, its.state, its.flags, its.threads)
			for _, dir := range []string{filepath.Join(h.PidPath(pid, "task"), strconv.Itoa(number)), h.PidPath(number, "")} {
				must.Do(t, os.MkdirAll(dir, 0o755))
				must.Do(t, os.WriteFile(filepath.Join(dir, "stat"), line, 0o644))
			}
		}
		if _, ending, err := h.LivingThread(pid); err != nil || ending != c.ending {
			t.Errorf("%s: ending is %v, %v", name, ending, err)
		}
	}
}
