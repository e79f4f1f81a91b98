package attack

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pidproof/testdata/rounds"
)

// An ordinary user forks until the number in root's stale pidfile comes round, and executes the daemon's own file there.

// lateQuestions: he is not the daemon that root started. That the daemon runs outside every pidfile (150) is true: see
// "What stays possible" in docs/threat-model.md.
var lateQuestions = []struct {
	args  string
	exits []string
}{
	{"check -p STALE DAEMON", []string{"4", "150"}},
	{"check --unclaimed=none -p STALE DAEMON", []string{"1", "4"}},
	{"status -p STALE DAEMON", []string{"1", "4"}},
	{"pidofproc -p STALE DAEMON", []string{"1", "4"}},
	{"start-stop-daemon --status --pidfile STALE --exec DAEMON", []string{"1", "4"}},
	{"start-stop-daemon --start --test --pidfile STALE --exec DAEMON", []string{"0", "3"}},
	{"start-stop-daemon --stop --pidfile STALE --exec DAEMON", []string{"1", "3"}},
	{"start-stop-daemon --stop --pidfile STALE", []string{"1", "3"}},
	{"killproc -p STALE DAEMON HUP", []string{"3", "4"}},
	{"killproc -p STALE DAEMON", []string{"0", "4"}},
	{"killproc -p STALE --workers DAEMON", []string{"0", "4"}},
	{"adopt --yes -p STALE DAEMON", []string{"1", "3", "4", "150"}},
	{"adopt --yes -p LOST DAEMON", []string{"1", "3", "4", "150"}},
}

// ways are what he executes, and as what. His own copy is no daemon, whatever it is called.
var ways = [][]string{
	{idle},
	{idle, "-p", users + "/idle.pid"},
	{users + "/idle"},
	{"/srv/bin/tree", "inside", "/srv/sbin", users + "/idle"},
}

func TestLateNumber(t *testing.T) {
	onHost(t, func(t *testing.T) {
		copyFile(t, idle, users+"/idle")
		// Other daemons of root's, which are not late, and one without any.
		d := newDealer(t)
		tried := 0
		for n := range rounds.Of(4, 1_000) {
			if n == rounds.Of(2, 500) {
				newQuietHost(t)
			}
			for _, argv := range ways {
				pid, err := d.start(0, nobody, true, argv...)
				if err != nil || pid < 0 {
					t.Fatal(pid, err)
				}
				tried += isLate(t, d, pid, argv, idle, time.Now().Add(-time.Hour))
				must(t, d.end(pid))
				if t.Failed() {
					return
				}
			}
		}
		rounds.Held(t, tried)
	})
}

// isLate asks about this daemon, whose pidfile was written then: before the process started.
func isLate(t *testing.T, d dealer, pid int, argv []string, daemon string, written time.Time) (asked int) {
	t.Helper()
	return isLateAmong(t, d, pid, "", argv, daemon, written)
}

// isLateAmong has other numbers before it in the pidfile.
func isLateAmong(t *testing.T, d dealer, pid int, others string, argv []string, daemon string, written time.Time) (asked int) {
	t.Helper()
	pidfile := "/run/" + filepath.Base(daemon) + "-stale.pid"
	write := func() {
		must(t, os.WriteFile(pidfile, []byte(others+strconv.Itoa(pid)+"\n"), 0o644))
		must(t, os.Chtimes(pidfile, written, written))
	}
	for _, q := range lateQuestions {
		if isRoots(pid) && strings.HasPrefix(q.args, "adopt --yes") {
			continue // the administrator has looked at a process of root's, and said yes
		}
		if !filepath.IsAbs(daemon) && strings.HasPrefix(q.args, "start-stop-daemon --start") {
			continue // a label is no file, which the real one says
		}
		asked++
		write()
		exits := q.exits
		if argv[0] != daemon { // his own copy: nobody runs the daemon
			exits = append(exits[:len(exits):len(exits)], "1")
		}
		a := ask(t, strings.Fields(strings.NewReplacer("STALE", pidfile, "LOST", noPidfile, "DAEMON", daemon).Replace(q.args))...)
		a.fits(t, strings.Join(argv, " "), exits...)
		if harm, err := d.harm(pid); harm != "" || err != nil {
			t.Fatalf("%v, an innocent, got a signal: %s (%v) by %s", argv, harm, err, a)
		}
		if content, err := os.ReadFile(noPidfile); err == nil && strings.TrimSpace(string(content)) == strconv.Itoa(pid) {
			t.Fatalf("%v was adopted by %s", argv, a)
		}
	}
	write()
	a := ask(t, "list", daemon)
	a.fits(t, strings.Join(argv, " "), "0", "1", "4")
	for line := range strings.Lines(a.out) {
		if field := strings.Fields(line); len(field) > 1 && field[0] == filepath.Base(daemon)+"-stale" && field[1] == "running" {
			t.Errorf("%v is listed as running: %s", argv, a)
		}
	}
	must(t, os.Remove(pidfile))
	return asked + 1
}

// isRoots: wholly.
func isRoots(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && strings.Contains(string(status), "\nUid:\t0\t0\t0\t0\n")
}

// By its number, its file and its name, it is the daemon.
func TestLateNumberControl(t *testing.T) {
	onHost(t, func(t *testing.T) {
		d := newDealer(t)
		pid, err := d.start(0, nobody, true, idle)
		must(t, err)
		write(t, noPidfile, pid, time.Hour)
		script := `p=$(cat "$1") && kill -0 "$p" && [ "/proc/$p/exe" -ef "$2" ] && kill -HUP "$p"`
		run(t, "/bin/sh", "-c", script, "sh", noPidfile, idle).fits(t, "a script", "0")
		if harm, err := d.harm(pid); harm == "" {
			t.Errorf("it got no signal: %v", err)
		}
	})
}
