package attack

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// Whatever an ordinary user's process calls itself: a question about a daemon that does not run, or that does, has the
// answer of a quiet host, and root's stale pidfile that names it is none of a running daemon.
func TestSpoofedNames(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		tried := 0
		for range rounds.Of(1, 20) {
			for _, s := range append(spoofs(t, idle), spoofs(t, daemon)[0]) {
				p := s.start(t)
				tried += h.hasNotNoticed(t, s, p)
				p.end()
			}
		}
		for _, s := range spoofs(t, idle) {
			if s.deep <= unix.PathMax {
				s.start(t)
			}
		}
		tried += h.asksAll(t, "all spoofs together")
		rounds.Held(t, tried)
	})
}

// hasNotNoticed asks about idle, whose stale pidfile names the process.
func (h quietHost) hasNotNoticed(t *testing.T, s spoof, p process) (asked int) {
	t.Helper()
	what := fmt.Sprintf("%s (%q)", s.what, s.argv)
	what = what[:min(len(what), 200)]
	const recycled = "/run/recycled.pid"
	write(t, recycled, p.pid(), time.Hour)
	defer os.Remove(recycled)
	questions := []struct {
		args  string
		exits []string
	}{
		{"check -p " + noPidfile + " " + idle, []string{"3"}},
		{"check -p " + pidfile + " " + daemon, []string{"0"}},
		{"status " + idle, []string{"3"}},
		{"pidof " + idle, []string{"1"}},
		{"list", []string{"0"}},
		{"list --json", []string{"0"}},
		{"list --prometheus", []string{"0"}},
		{"start-stop-daemon --stop --test --exec " + idle, []string{"1"}},
		{"start-stop-daemon --start --test --exec " + idle, []string{"0"}},
		{"explain -p " + noPidfile + " " + idle, []string{"3"}},

		{"check -p " + recycled + " " + idle, []string{"1", "4"}},
		{"explain -p " + recycled + " " + idle, []string{"1", "4"}},
		{"explain --json -p " + recycled + " " + idle, []string{"1", "4"}},
		{"status -p " + recycled + " " + idle, []string{"1", "4"}},
		{"pidofproc -p " + recycled + " " + idle, []string{"1", "4"}},
		{"killproc -p " + recycled + " " + idle + " HUP", []string{"3", "4"}},
		{"start-stop-daemon --status --pidfile " + recycled + " --exec " + idle, []string{"1", "4"}},
		{"start-stop-daemon --stop --pidfile " + recycled + " --exec " + idle, []string{"1", "3"}},
		{"start-stop-daemon --stop --pidfile " + recycled, []string{"1", "3"}},
		{"adopt --yes -p " + recycled + " " + idle, []string{"1", "3", "4"}},
	}
	for i, q := range questions {
		// In short, each spoof meets check and a third of the others, and each question a third of the spoofs.
		if !strings.HasPrefix(q.args, "check") && !rounds.Long() && (i+p.pid())%3 != 0 {
			continue
		}
		asked++
		a := ask(t, strings.Fields(q.args)...)
		a.fits(t, what, q.exits...)
		if a.args[1] == "check" && strings.Count(a.out, "\n") != 1 {
			t.Errorf("%s: want one line: %s", what, a)
		}
		if content, err := os.ReadFile(recycled); err != nil || string(content) != strconv.Itoa(p.pid())+"\n" {
			t.Fatalf("%s: the pidfile was changed to %q (%v) by %s", what, content, err, a)
		}
		if !runs(p.pid()) {
			t.Fatalf("%s: the process was ended by %s", what, a)
		}
	}
	return asked
}

// By name, and by /proc's text alone, these are the daemon.
func TestSpoofedNamesControl(t *testing.T) {
	onHost(t, func(t *testing.T) {
		p := spoofs(t, idle)[0].start(t)
		said, err := exec.Command(need.Program(t, "pidof"), "idle").Output()
		if string(said) != strconv.Itoa(p.pid())+"\n" {
			t.Errorf("pidof idle: %q, %v", said, err)
		}
		write(t, noPidfile, p.pid(), 0)
		if err := exec.Command("/bin/sh", "-c", `kill -0 "$(cat "$1")"`, "sh", noPidfile).Run(); err != nil {
			t.Errorf("kill -0: %v", err)
		}
	})
}
