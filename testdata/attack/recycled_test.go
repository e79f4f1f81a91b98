package attack

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"pidproof/testdata/rounds"
)

// More of late_test.go: what speaks for a late process, or against it, when others meddle with that.

// deal gives a number to a process of the ordinary user's.
func (d dealer) deal(t *testing.T, argv ...string) (pid int) {
	t.Helper()
	pid, err := d.start(0, nobody, true, argv...)
	if err != nil || pid < 0 {
		t.Fatal(pid, err)
	}
	return pid
}

// He has more files in /run/lock than are read of one user: the answers are as without them.
func TestLateBesideManyFiles(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		d := newDealer(t)
		pid := d.deal(t, idle)
		const pidfile = "/run/idle-stale.pid"
		ask := func(args string) answer {
			write(t, pidfile, pid, time.Hour)
			return ask(t, strings.Fields(strings.NewReplacer("STALE", pidfile, "LOST", noPidfile, "DAEMON", idle).Replace(args))...)
		}
		before := make([]answer, len(lateQuestions))
		for i, q := range lateQuestions {
			before[i] = ask(q.args)
		}
		fill(t, "/run/lock/mine", 0, 3*1_100, h.main.pid())
		tried := 0
		for range rounds.Of(1, 100) {
			for i, q := range lateQuestions {
				ask(q.args).fits(t, "beside 3,300 files", before[i].exit)
				tried++
			}
			tried += isLate(t, d, pid, []string{idle}, idle, time.Now().Add(-time.Hour))
			if t.Failed() {
				return
			}
		}
		rounds.Held(t, tried)
	})
}

// setuidDaemon is one that becomes root for whoever executes it, as exim4 does.
func setuidDaemon(t *testing.T) (path string, argv []string) {
	t.Helper()
	path = "/srv/sbin/eximd"
	copyFile(t, daemon, path)
	must(t, os.Chmod(path, os.ModeSetuid|0o755))
	return path, []string{path, "-u", "0"}
}

// Not only root starts processes of root's.
func TestLateSetuid(t *testing.T) {
	onHost(t, func(t *testing.T) {
		newQuietHost(t)
		path, argv := setuidDaemon(t)
		d := newDealer(t)
		tried := 0
		for range rounds.Of(1, 100) {
			pid := d.deal(t, argv...)
			until(t, "it is root's", func() bool { return isRoots(pid) })
			tried += isLate(t, d, pid, argv, path, time.Now().Add(-time.Hour))
			must(t, d.end(pid))
			if t.Failed() {
				return
			}
		}
		rounds.Held(t, tried)
	})
}

// Nor does such a process show that the clock was set: so another, which is as late, would pass.
func TestLateFalseWitness(t *testing.T) {
	onHost(t, func(t *testing.T) {
		newQuietHost(t)
		_, argv := setuidDaemon(t)
		d := newDealer(t)
		tried := 0
		for range rounds.Of(1, 100) {
			witness := d.deal(t, argv...)
			until(t, "it is root's", func() bool { return isRoots(witness) })
			written := time.Now().Add(-time.Hour)
			const pidfile = "/run/eximd.pid"
			write(t, pidfile, witness, 0)
			must(t, os.Chtimes(pidfile, written, written))
			pid := d.deal(t, idle)
			tried += isLate(t, d, pid, []string{idle}, idle, written)
			if harm, err := d.harm(witness); harm != "" || err != nil {
				t.Fatalf("the witness got a signal: %s, %v", harm, err)
			}
			must(t, d.end(pid))
			must(t, d.end(witness))
			must(t, os.Remove(pidfile))
			if t.Failed() {
				return
			}
		}
		rounds.Held(t, tried)
	})
}

// With 32,768 numbers one comes round within the two seconds that are given to coarse clocks. webd shows that the clock
// was not set. He executes the daemon there, or what has its name and a lock on the pidfile; or it is an innocent.
func TestNumberWithinSeconds(t *testing.T) {
	onHost(t, func(t *testing.T) {
		newQuietHost(t)
		d := newDealer(t)
		time.Sleep(20 * time.Millisecond) // a clock tick later than webd
		const pidfile = "/run/idle-stale.pid"
		tried := 0
		for range rounds.Of(1, 100) {
			for _, argv := range [][]string{{idle}, {stranger}} {
				written := time.Now().Add(-time.Second)
				pid := d.deal(t, argv...)
				tried += isLate(t, d, pid, argv, idle, written)
				must(t, d.end(pid))
			}
			for _, q := range lateQuestions { // each anew: some remove the file that is locked
				tried++
				must(t, os.WriteFile(pidfile, nil, 0o644))
				written := time.Now().Add(-time.Second)
				pid := d.deal(t, "/srv/bin/hold", "flock", pidfile, "idle")
				until(t, "it has the name", func() bool {
					comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
					return string(comm) == "idle\n"
				})
				must(t, os.WriteFile(pidfile, []byte(strconv.Itoa(pid)+"\n"), 0o644))
				must(t, os.Chtimes(pidfile, written, written))
				a := ask(t, strings.Fields(strings.NewReplacer("STALE", pidfile, "LOST", noPidfile, "DAEMON", idle).Replace(q.args))...)
				a.fits(t, "it locks the pidfile", append(q.exits[:len(q.exits):len(q.exits)], "1")...)
				if harm, err := d.harm(pid); harm != "" || err != nil {
					t.Fatalf("who locks the pidfile got a signal: %s (%v) by %s", harm, err, a)
				}
				must(t, d.end(pid))
				must(t, os.RemoveAll(pidfile))
			}
			if t.Failed() {
				return
			}
		}
		rounds.Held(t, tried)
	})
}
