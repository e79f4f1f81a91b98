package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The questions.
const (
	askStatus  = "status"  // is the process that the pidfile names this daemon, may it be acted on?
	askUnnamed = "unnamed" // the same, where no pidfile is given
	askStart   = "start"   // may the daemon be started with that pidfile?
	askPids    = "pids"    // which processes run this daemon?
)

// tool is one column.
type tool struct {
	name    string // in the table's head
	release string // whose it is, where there is one of each
	needs   peer   // the program that it is, or asks; "" for pidproof
	asks    []ask
}

// ask is how a tool is asked one of the questions, and what its answers mean.
type ask struct {
	kind  string
	shown string // the command line, with D, F and NAME as in the legend
	argv  func(o order, daemon, pidfile string) []string

	means     map[int]string                           // what an exit code means; any other is an error. Not for pids
	complains bool                                     // no answer but a complaint is an error, whatever the exit code. Not for pids
	pids      func(said outcome) (pids []int, ok bool) // pids: not ok is an error
}

// tools are the columns, pidproof first. Each is asked as its manual has it for an init script.
var tools = slices.Concat(
	[]tool{{"pidproof", "", "", []ask{
		{askStatus, "pidproof check -p F D", func(o order, d, f string) []string {
			return []string{o.pidproof(), "check", "-p", f, d}
		}, map[int]string{0: running, 1: notRunning, 3: notRunning, 150: unclaimed}, false, nil},
		{askUnnamed, "pidproof check D", func(o order, d, f string) []string {
			return []string{o.pidproof(), "check", d}
		}, map[int]string{0: running, 1: notRunning, 3: notRunning, 150: unclaimed}, false, nil},
		{askStart, "pidproof check -p F D", func(o order, d, f string) []string {
			return []string{o.pidproof(), "check", "-p", f, d}
		}, map[int]string{0: no, 1: yes, 3: yes, 150: no}, false, nil},
		{askPids, "pidproof pidof -x D", func(o order, d, f string) []string {
			return []string{o.pidproof(), "pidof", "-x", d}
		}, nil, false, pidofList},
	}}},
	pidofOf(bookworm), pidofOf(trixie),
	[]tool{
		{"busybox pidof", "", busybox, []ask{
			// By NAME, as its usage says: a path it compares with the text of the link exe, where the name is followed by
			// " (deleted)" after an upgrade.
			{askPids, "busybox pidof NAME", func(o order, d, f string) []string {
				return []string{o.Peers[busybox].Path, "pidof", filepath.Base(d)}
			}, nil, false, pidofList},
		}},
		{"busybox start-stop-daemon", "", busybox, []ask{
			{askStatus, "busybox start-stop-daemon -K -t -p F -x D", func(o order, d, f string) []string {
				return []string{o.Peers[busybox].Path, "start-stop-daemon", "-K", "-t", "-p", f, "-x", d}
			}, map[int]string{0: running, 1: notRunning}, true, nil},
			// Of a start it has no test: -t is for -K, and -S would start.
			{askPids, "busybox start-stop-daemon -K -t -x D", func(o order, d, f string) []string {
				return []string{o.Peers[busybox].Path, "start-stop-daemon", "-K", "-t", "-x", d}
			}, nil, false, stopList(regexp.MustCompile(`^stopped .* \(pid ([0-9 ]+)\)$`))},
		}},
	},
	startStopDaemonOf(bookworm), startStopDaemonOf(trixie),
	[]tool{{"Debian's LSB functions", "", functions, []ask{
		{askStatus, ". /lib/lsb/init-functions; pidofproc -p F D", func(o order, d, f string) []string {
			return []string{"sh", "-c", `. "$1"; pidofproc -p "$2" "$3"`, "script", o.Peers[functions].Path, f, d}
		}, map[int]string{0: running, 1: notRunning, 3: notRunning}, false, nil},
		{askUnnamed, ". /lib/lsb/init-functions; pidofproc D", func(o order, d, f string) []string {
			return []string{"sh", "-c", `. "$1"; pidofproc "$2"`, "script", o.Peers[functions].Path, d}
		}, map[int]string{0: running, 1: notRunning, 3: notRunning}, false, nil},
	}}},
)

// pidofOf is a release's pidof, alone and as apache2's init script asks it.
func pidofOf(r release) []tool {
	return []tool{
		// -c and -x are what Debian's own functions ask it with.
		{"pidof, " + r.name, r.name, r.pidof, []ask{
			{askPids, "pidof -c -x D", func(o order, d, f string) []string {
				return []string{o.Peers[r.pidof].Path, "-c", "-x", d}
			}, nil, false, pidofList},
		}},
		// As in apache2's init script before #868861, without -x.
		{"pidof and grep, " + r.name, r.name, r.pidof, []ask{
			{askStatus, `pidof D | grep -w "$(cat F)"`, func(o order, d, f string) []string {
				return []string{"sh", "-c", `"$0" "$1" | grep -w "$(cat "$2")"`, o.Peers[r.pidof].Path, d, f}
			}, map[int]string{0: running, 1: notRunning}, false, nil},
		}},
	}
}

// startStopDaemonOf is a release's dpkg's.
func startStopDaemonOf(r release) []tool {
	return []tool{{"start-stop-daemon, " + r.name, r.name, r.dpkg, []ask{
		{askStatus, "start-stop-daemon --status --pidfile F --exec D", func(o order, d, f string) []string {
			return []string{o.Peers[r.dpkg].Path, "--status", "--pidfile", f, "--exec", d}
		}, map[int]string{0: running, 1: notRunning, 3: notRunning}, false, nil},
		{askUnnamed, "start-stop-daemon --status --exec D", func(o order, d, f string) []string {
			return []string{o.Peers[r.dpkg].Path, "--status", "--exec", d}
		}, map[int]string{0: running, 1: notRunning, 3: notRunning}, false, nil},
		{askStart, "start-stop-daemon --start --test --pidfile F --exec D", func(o order, d, f string) []string {
			return []string{o.Peers[r.dpkg].Path, "--start", "--test", "--pidfile", f, "--exec", d}
		}, map[int]string{0: yes, 1: no}, false, nil},
		{askPids, "start-stop-daemon --stop --test --exec D", func(o order, d, f string) []string {
			return []string{o.Peers[r.dpkg].Path, "--stop", "--test", "--exec", d}
		}, nil, false, stopList(regexp.MustCompile(`^Would send signal 15 to ([0-9]+)\.$`))},
	}}}
}

func (t tool) asked(kind string) (ask, bool) {
	for _, a := range t.asks {
		if a.kind == kind {
			return a, true
		}
	}
	return ask{}, false
}

func (o order) pidproof() string { return filepath.Join(o.Programs, "pidproof") }

// pidofList reads what every pidof prints: PIDs, and exit 1 if there is none.
func pidofList(said outcome) ([]int, bool) {
	if said.Exit != 0 && said.Exit != 1 {
		return nil, false
	}
	return numbers(strings.Fields(said.Stdout))
}

// stopList reads what a start-stop-daemon says that it would stop: a line for each process, or one for all. With a
// complaint, it is an error.
func stopList(line *regexp.Regexp) func(outcome) ([]int, bool) {
	return func(said outcome) ([]int, bool) {
		if said.Stderr != "" || said.Exit != 0 && said.Exit != 1 {
			return nil, false
		}
		var pids []int
		for text := range strings.Lines(said.Stdout) {
			found := line.FindStringSubmatch(strings.TrimSuffix(text, "\n"))
			if found == nil {
				continue
			}
			more, ok := numbers(strings.Fields(found[1]))
			if !ok {
				return nil, false
			}
			pids = append(pids, more...)
		}
		return pids, said.Exit == 1 || len(pids) > 0
	}
}

func numbers(words []string) ([]int, bool) {
	var pids []int
	for _, word := range words {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return nil, false
		}
		pids = append(pids, pid)
	}
	return pids, true
}
