package attack

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pidproof/testdata/rounds"
)

// quietHost is one on which webd runs, by its pidfile, with a worker, and idle does not.
type quietHost struct {
	main    process
	workers []int
}

func newQuietHost(t *testing.T) quietHost {
	t.Helper()
	h := quietHost{main: startDaemon(t, daemon, pidfile, "-w", "1")}
	h.workers = children(t, h.main.pid())
	// No process ever gets this number here: they are counted up from 1.
	write(t, stale, 4_000_000, time.Hour)
	return h
}

// question is one to which a quiet host gives one answer.
type question struct {
	args []string
	exit string
	out  string // "" for any
}

func (h quietHost) questions() []question {
	pids := append([]int{h.main.pid()}, h.workers...)
	slices.Sort(pids)
	slices.Reverse(pids)
	all := strings.Trim(fmt.Sprint(pids), "[]") + "\n"
	one := strconv.Itoa(h.main.pid()) + "\n"
	return []question{
		{[]string{"check", "-p", pidfile, daemon}, "0", ""},
		{[]string{"check", "-q", "-p", noPidfile, idle}, "3", ""},
		{[]string{"check", "-p", stale, idle}, "1", ""},
		{[]string{"check", "-p", noPidfile, "--unclaimed=listening", daemon}, "3", ""},
		{[]string{"status", "-p", pidfile, daemon}, "0", ""},
		{[]string{"status", idle}, "3", ""},
		{[]string{"pidofproc", "-p", pidfile, daemon}, "0", one},
		{[]string{"pidof", daemon}, "0", all},
		{[]string{"pidof", idle}, "1", ""},
		{[]string{"pidof", "nosuchname"}, "1", ""},
		{[]string{"list"}, "0", ""},
		{[]string{"killproc", "-p", pidfile, daemon, "HUP"}, "0", ""},
		{[]string{"killproc", "-p", stale, idle, "HUP"}, "3", ""},
		{[]string{"start-stop-daemon", "--status", "--pidfile", pidfile, "--exec", daemon}, "0", ""},
		{[]string{"start-stop-daemon", "--stop", "--test", "--exec", daemon}, "0", ""},
		{[]string{"start-stop-daemon", "--stop", "--exec", idle}, "1", ""},
		{[]string{"start-stop-daemon", "--stop", "--name", "nosuch"}, "1", ""},
	}
}

// asks puts one question, and reports any other answer than a quiet host's.
func (h quietHost) asks(t *testing.T, when string, q question) {
	t.Helper()
	a := ask(t, q.args...)
	a.fits(t, when, q.exit)
	if q.out != "" && a.out != q.out {
		t.Errorf("%s: want %q: %s", when, q.out, a)
	}
	if q.args[0] == "list" {
		h.isListed(t, when, a)
	}
}

// isListed: the daemon runs, current, with its worker, and nobody is unclaimed.
func (h quietHost) isListed(t *testing.T, when string, a answer) {
	t.Helper()
	for line := range strings.Lines(a.out) {
		field := strings.Fields(line)
		if len(field) < 6 || field[0] != "webd" {
			continue
		}
		if field[1] != "running" || field[2] != strconv.Itoa(h.main.pid()) || !slices.Contains(field, "current") {
			break
		}
		return
	}
	t.Errorf("%s: want webd, running, %d: %s", when, h.main.pid(), a)
}

// asksAll puts every question, and has the workers of a second instance stopped.
func (h quietHost) asksAll(t *testing.T, when string) (asked int) {
	t.Helper()
	for _, q := range h.questions() {
		h.asks(t, when, q)
	}
	if t.Failed() {
		t.FailNow() // each may take as long as its deadline
	}
	h.stopsSecond(t, when)
	return len(h.questions()) + 1
}

// stopsSecond: nobody keeps a second instance from being stopped with its workers, and nobody else gets a signal.
func (h quietHost) stopsSecond(t *testing.T, when string) {
	t.Helper()
	const pidfile = "/run/second.pid"
	second := startDaemon(t, daemon, pidfile, "-w", "2")
	pids := append(children(t, second.pid()), second.pid())
	ask(t, "killproc", "--workers", "-p", pidfile, daemon).fits(t, when, "0")
	for _, pid := range pids {
		if runs(pid) {
			t.Errorf("%s: %d of %v still runs", when, pid, pids)
		}
	}
	second.end()
	for _, pid := range append(h.workers, h.main.pid()) {
		if !runs(pid) {
			t.Fatalf("%s: %d was ended", when, pid)
		}
	}
}

// TestQuietHost is what the attacks are compared with.
func TestQuietHost(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		tried := 0
		for range rounds.Of(1, 100) {
			tried += h.asksAll(t, "on a quiet host")
		}
		rounds.Held(t, tried)
	})
}
