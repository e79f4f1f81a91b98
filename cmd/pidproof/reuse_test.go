package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/testdata/need"
	often "pidproof/testdata/rounds"
	"pidproof/testdata/waiting"
)

// Between two system calls of a command that is to stop a daemon, the daemon
// ends and its number passes to somebody else. Whoever that is gets no signal.

// stoppers are the commands, and what they exit with when the daemon has ended
// by itself.
var stoppers = []struct {
	args     string
	exit     int
	alone    bool // no daemon is given: only its late start speaks against an innocent
	searches bool // every instance is meant
}{
	{"killproc -p PIDFILE DAEMON", 0, false, false},
	{"killproc -p PIDFILE DAEMON HUP", 3, false, false},
	{"start-stop-daemon --stop --pidfile PIDFILE --exec DAEMON --retry 5", 1, false, false},
	{"start-stop-daemon --stop --pidfile PIDFILE", 1, true, false},
	{"start-stop-daemon --stop --pidfile PIDFILE --user root --retry 5", 1, true, false},
	{"start-stop-daemon --stop --pidfile PIDFILE --name webd --remove-pidfile", 1, false, false},
	{"start-stop-daemon --stop --exec DAEMON --retry 5", 1, false, true},
	{"start-stop-daemon --stop --name webd --retry 5", 1, false, true},
	{"killproc -p PIDFILE --workers DAEMON", 0, false, false},
	{"killproc -p PIDFILE DAEMON TERM", 0, false, false},
}

var innocents = []string{anotherProgram, anotherInstance, anothersThread}

// The two gaps that scripts have: between reading the pidfile and taking hold of
// the process, and between the proof and the signal.
func TestReusedPID(t *testing.T) {
	h := newReuse(t)
	var rounds []reuseRound
	var want []int
	for i := range often.Of(200, 4_000) {
		held := "pidfd_open"
		if i%2 == 1 {
			held = "pidfd_send_signal"
		}
		command, innocent := stoppers[i/2%len(stoppers)], innocents[i/2/len(stoppers)%len(innocents)]
		if command.searches {
			innocent = anotherProgram
		}
		rounds = append(rounds, h.round(command.args, held, 1, innocent, command.alone))
		want = append(want, command.exit)
	}
	reused := 0
	for i, got := range h.play(t, rounds) {
		if got.Reached {
			reused++
		}
		if !got.Reached || got.Harm != "" || got.Exit != want[i] {
			t.Errorf("%s\nwant no harm and exit %d, got %+v", rounds[i], want[i], got)
		}
	}
	if reused != len(rounds) {
		t.Errorf("the number was reused in %d rounds of %d", reused, len(rounds))
	}
	often.Held(t, len(rounds))
}

// While the facts about a process are read, one file of /proc/PID after the
// other, also where only its start time pins it.
func TestReusedPIDWhileReading(t *testing.T) {
	h := newReuse(t)
	var rounds []reuseRound
	var want []int
	add := func(nth int, held, innocent string, noPidfds bool) {
		command := stoppers[nth%2]
		r := h.round(command.args, held, nth, innocent, command.alone)
		r.NoPidfds = noPidfds
		rounds, want = append(rounds, r), append(want, command.exit)
	}
	for _, innocent := range innocents {
		add(1, "pidfd_open", innocent, true)
		for nth := 1; nth <= 8; nth++ {
			add(nth, "openat", innocent, false)
			add(nth, "openat", innocent, true)
		}
	}
	for i, got := range h.play(t, rounds) {
		switch r := rounds[i]; {
		case !got.Reached && r.Nth > 3: // it has read all that it wants
		case !got.Reached || got.Harm != "" || got.Exit != want[i]:
			t.Errorf("%s\nwant no harm and exit %d, got %+v", r, want[i], got)
		}
	}
}

// Between TERM and KILL.
func TestReusedPIDBeforeKill(t *testing.T) {
	t.Parallel()
	h := newReuse(t)
	var rounds []reuseRound
	for _, innocent := range innocents {
		const command = "start-stop-daemon --stop --pidfile PIDFILE --exec DAEMON --retry TERM/1/KILL/5"
		r := h.round(command, "pidfd_send_signal", 2, innocent, false)
		r.IgnoresTerm = true
		rounds = append(rounds, r)
	}
	for i, got := range h.play(t, rounds) {
		if !got.Reached || got.Harm != "" || got.Exit != 0 {
			t.Errorf("%s\nwant no harm and exit 0, got %+v", rounds[i], got)
		}
	}
}

// The test can fail: what scripts do today hits the innocent in the same gap.
func TestReusedPIDControl(t *testing.T) {
	h := newReuse(t)
	dpkgs := need.Program(t, "/sbin/start-stop-daemon")
	if real, err := exec.LookPath(dpkgs + ".real"); err == nil {
		dpkgs = real
	}
	var rounds []reuseRound
	for _, innocent := range innocents {
		for _, command := range [][]string{
			{"/bin/sh", "-c", `kill -TERM $(cat "$1")`, "sh", reusePidfile},
			{"/bin/sh", "-c", `kill -HUP $(cat "$1")`, "sh", reusePidfile},
			{"/bin/sh", "-c", `kill -KILL $(cat "$1")`, "sh", reusePidfile},
			{dpkgs, "--stop", "--pidfile", reusePidfile, "--exec", h.daemon},
		} {
			r := h.round("", "kill", 1, innocent, false)
			r.Command = command
			rounds = append(rounds, r)
		}
	}
	for i, got := range h.play(t, rounds) {
		if !got.Reached || got.Harm == "" {
			t.Errorf("%s\nwant harm, got %+v", rounds[i], got)
		}
	}
}

// Not allowed to signal the daemon, nobody tries again by number: by then it may
// be the number of a process that may be signalled.
func TestReusedPIDNotPermitted(t *testing.T) {
	h := newReuse(t)
	setpriv := need.Program(t, "setpriv")
	var rounds []reuseRound
	for _, command := range stoppers {
		args := strings.Replace(command.args, "root", "65534", 1)
		r := h.round(args, "kill", 1, anotherProgram, command.alone)
		r.Command = append([]string{setpriv, "--bounding-set=-kill"}, r.Command...)
		r.UID = 65534
		rounds = append(rounds, r)
	}
	for i, got := range h.play(t, rounds) {
		want := 3 // start-stop-daemon(8)
		if rounds[i].Command[3] == "killproc" {
			want = exitcode.Unknown
		}
		if got.Reached || got.Harm != "" || got.Exit != want {
			t.Errorf("%s\nwant no kill(2) and exit %d, got %+v", rounds[i], want, got)
		}
	}
}

// reuse holds the programs of the rounds.
type reuse struct{ nopidfd, daemon, sleep string }

func newReuse(t *testing.T) reuse {
	t.Helper()
	need.Root(t)
	dir := t.TempDir()
	h := reuse{nopidfd(t), filepath.Join(dir, "webd"), need.Program(t, "sleep")}
	content, err := os.ReadFile(filepath.Join(programs, "demod"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.daemon, content, 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h reuse) round(args, held string, nth int, innocent string, alone bool) reuseRound {
	args = strings.NewReplacer("PIDFILE", reusePidfile, "DAEMON", h.daemon).Replace(args)
	return reuseRound{
		Command: append([]string{filepath.Join(programs, "pidproof")}, strings.Fields(args)...),
		Held:    held, Nth: nth, Innocent: innocent,
		// Of two instances of a daemon, only time tells whose a number is.
		Stale:   alone || innocent != anotherProgram,
		Nopidfd: h.nopidfd, Daemon: h.daemon, Sleep: h.sleep,
	}
}

func (r reuseRound) String() string {
	return fmt.Sprintf("%v, at %s number %d (without pidfds: %v), its number given to %s",
		r.Command, r.Held, r.Nth, r.NoPidfds, r.Innocent)
}

// play gives a result for each round. Two hosts share them.
func (h reuse) play(t *testing.T, rounds []reuseRound) []reuseResult {
	t.Helper()
	half := len(rounds) / 2
	later := make(chan func() ([]reuseResult, error), 1)
	go func() {
		results, err := playOn(rounds[half:])
		later <- func() ([]reuseResult, error) { return results, err }
	}()
	first, err1 := playOn(rounds[:half])
	second, err2 := (<-later)()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return slices.Concat(first, second)
}

func playOn(rounds []reuseRound) ([]reuseResult, error) {
	runtime.LockOSThread() // Pdeathsig is about the thread that forks (prctl(2))
	defer runtime.UnlockOSThread()
	asked, err := json.Marshal(rounds)
	if err != nil {
		return nil, err
	}
	host := reuseHostCommand()
	var said, failed bytes.Buffer
	host.Stdin, host.Stdout, host.Stderr = bytes.NewReader(asked), &said, &failed
	if err := host.Start(); err != nil {
		return nil, err
	}
	deadline := time.AfterFunc(time.Duration(1+len(rounds)/100)*waiting.Limit, func() { _ = host.Process.Kill() })
	defer deadline.Stop()
	if err := host.Wait(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, failed.String())
	}
	var results []reuseResult
	for answers := json.NewDecoder(&said); answers.More(); {
		var r reuseResult
		if err := answers.Decode(&r); err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	if len(results) != len(rounds) {
		return nil, fmt.Errorf("%d results of %d rounds: %s", len(results), len(rounds), failed.String())
	}
	return results, nil
}
