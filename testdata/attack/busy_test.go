package attack

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"pidproof/testdata/rounds"
)

// A host that is only busy: large processes end, programs named like the daemon are executed on all cores, or ten thousand
// processes sleep while a thousand a second come and go. Every answer is that of a quiet host.

// busyQuestions are those that look at every process.
func (h quietHost) asksBusy(t *testing.T, when string, total int) {
	t.Helper()
	questions := []question{
		{[]string{"check", "-p", stale, idle}, "1", ""},
		{[]string{"pidof", daemon}, "0", strconv.Itoa(h.workers[0]) + " " + strconv.Itoa(h.main.pid()) + "\n"},
		{[]string{"list"}, "0", ""},
		{[]string{"start-stop-daemon", "--stop", "--exec", idle}, "1", ""},
		{[]string{"check", "-p", noPidfile, idle}, "3", ""},
		{[]string{"start-stop-daemon", "--stop", "--test", "--exec", daemon}, "0", ""},
	}
	for n := range total {
		h.asks(t, when, questions[n%len(questions)])
		if t.Failed() {
			t.Fatalf("in round %d of %d", n, total)
		}
	}
	h.stopsSecond(t, when)
	rounds.Held(t, total)
}

func TestLargeProcessesEnd(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		for range 2 {
			start(t, exec.Command("/srv/bin/storm", "end", "1024"))
		}
		h.asksBusy(t, "while large processes end", rounds.Of(200, 2_000))
	})
}

func TestExecStorm(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		// They are called as the daemons are, and end at once.
		must(t, os.Mkdir("/srv/storm", 0o755))
		for _, name := range []string{"idle", "webd"} {
			program := "/srv/storm/" + name
			copyFile(t, "/srv/bin/nothing", program)
			command := exec.Command("/srv/bin/storm", "exec", program)
			command.SysProcAttr = as(nobody)
			start(t, command)
		}
		h.asksBusy(t, "in an exec storm", rounds.Of(200, 2_000))
	})
}

func TestCrowd(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		start(t, exec.Command("/srv/bin/storm", "crowd", strconv.Itoa(rounds.Of(1_000, 10_000)), strconv.Itoa(rounds.Of(200, 1_000))))
		h.asksBusy(t, "in a crowd", rounds.Of(30, 500))
	})
}

// The attack is real: in the storm there are moments in which a process has no executable.
func TestLargeProcessesEndControl(t *testing.T) {
	onHost(t, func(t *testing.T) {
		p := start(t, exec.Command("/srv/bin/storm", "end", "256"))
		until(t, "a process has no executable, and is no zombie", func() bool {
			for _, pid := range children(t, p.pid()) {
				_, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
				if err != nil && runs(pid) {
					return true
				}
			}
			return false
		})
	})
}
