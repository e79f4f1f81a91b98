package attack

import (
	"fmt"
	"os"
	"testing"
	"time"

	"pidproof/testdata/rounds"
)

// More of late_test.go: what the daemon, or its pidfile, need not be. Each is proven by less, and a number that came round
// has to be nobody's all the same.

// comesRound has the number in root's stale pidfile come round to a process of the user's. Where something is to stand
// between numbers, his is the second, behind that of a process that has ended.
func comesRound(t *testing.T, argv []string, daemon, between string, settled func(pid int) bool) {
	t.Helper()
	newQuietHost(t)
	d := newDealer(t)
	tried := 0
	for range rounds.Of(1, 100) {
		pid := d.deal(t, argv...)
		until(t, "it is what it will be", func() bool { return settled(pid) })
		before := ""
		if between != "" {
			ended := d.deal(t, argv...)
			must(t, d.end(ended))
			before = fmt.Sprint(ended, between)
		}
		tried += isLateAmong(t, d, pid, before, argv, daemon, time.Now().Add(-time.Hour))
		must(t, d.end(pid))
		if t.Failed() {
			return
		}
	}
	rounds.Held(t, tried)
}

func runsFile(path string) func(pid int) bool {
	return func(pid int) bool {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		return err == nil && exe == path
	}
}

// He starts the daemon below himself, as a wrapper does.
func TestLateWrapper(t *testing.T) {
	onHost(t, func(t *testing.T) {
		argv := []string{"/bin/sh", "-c", idle + " & wait"}
		comesRound(t, argv, idle, "", func(pid int) bool {
			below := children(t, pid)
			return len(below) == 1 && runsFile(idle)(below[0])
		})
	})
}

// The pidfile has a number of before, which is nobody's, and then his, on one line or two.
func TestLateAmongSeveral(t *testing.T) {
	onHost(t, func(t *testing.T) {
		for _, between := range []string{" ", "\n"} {
			comesRound(t, []string{idle}, idle, between, runsFile(idle))
		}
	})
}

// The daemon is a script that becomes another program, and he executes it.
func TestLateBecame(t *testing.T) {
	onHost(t, func(t *testing.T) {
		const script = "/srv/sbin/becomes"
		must(t, os.WriteFile(script, []byte("#!/bin/sh\nexec "+idle+"\n"), 0o755))
		comesRound(t, []string{"/bin/sh", script}, script, "", runsFile(idle))
	})
}

// The daemon is a name for none, which proves nothing but the number.
func TestLateLabel(t *testing.T) {
	onHost(t, func(t *testing.T) { comesRound(t, []string{idle}, "some-label", "", runsFile(idle)) })
}
