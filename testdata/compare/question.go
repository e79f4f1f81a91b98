package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// What may be said about the process that a pidfile names, and about all that run the daemon.
const (
	running    = "running"     // it is the daemon: act on it
	notRunning = "not-running" // it is not, and no other process of the daemon is in the way
	unclaimed  = "unclaimed"   // it is not, but the daemon runs outside every pidfile
	cannotTell = "cannot-tell" // an error, a refusal
)

// Whether the daemon may be started.
const (
	yes = "yes"
	no  = "no"
)

// question is what a scenario says once its processes run: what to ask, and the right answers. Its author knows them
// from what he started; no tool is asked for them. One line each:
//
//	daemon PATH          the path, or the label, that is asked about: D
//	pidfile PATH         the pidfile that is asked about: F; or none: none is given
//	process NAME PID     a process that runs, or is a zombie, and its name in the notes
//	gone NAME PID        a number that no process has
//	status WORD          running, not-running, unclaimed, cannot-tell
//	start WORD           yes or no: whether the daemon may be started
//	pids NAME...         the processes that run the daemon; none, or cannot-tell
//	user UID             who asks; root if it is left out
type question struct {
	Daemon, Pidfile string
	Processes, Gone map[string]int
	Status          string
	Start           string
	Pids            []string // nil: not asked
	User            int
}

func parseQuestion(text string) (question, error) {
	q := question{Processes: map[string]int{}, Gone: map[string]int{}}
	for number, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		key, value, _ := strings.Cut(line, " ")
		if err := q.set(key, value); err != nil {
			return q, fmt.Errorf("line %d of what it says, %q: %w", number+1, line, err)
		}
	}
	return q, q.complete()
}

func (q *question) set(key, value string) error {
	switch key {
	case "daemon":
		return once(&q.Daemon, value)
	case "pidfile":
		return once(&q.Pidfile, value)
	case "process":
		return name(q.Processes, value)
	case "gone":
		return name(q.Gone, value)
	case "status":
		if !slices.Contains([]string{running, notRunning, unclaimed, cannotTell}, value) {
			return errors.New("no such status; want running, not-running, unclaimed or cannot-tell")
		}
		return once(&q.Status, value)
	case "start":
		if value != yes && value != no {
			return errors.New("want yes or no")
		}
		return once(&q.Start, value)
	case "pids":
		if q.Pids != nil {
			return errors.New("said twice")
		}
		q.Pids = strings.Fields(value)
		if len(q.Pids) == 0 {
			return errors.New("want names, none or cannot-tell")
		}
	case "user":
		uid, err := strconv.ParseUint(value, 10, 31)
		if err != nil || uid == 0 || q.User != 0 {
			return errors.New("want one user ID, not root's")
		}
		q.User = int(uid)
	default:
		return errors.New("no such key; want daemon, pidfile, process, gone, status, start, pids or user")
	}
	return nil
}

func once(field *string, value string) error {
	if *field != "" || value == "" {
		return errors.New("want one value, once")
	}
	*field = value
	return nil
}

func name(as map[string]int, value string) error {
	name, number, _ := strings.Cut(value, " ")
	pid, err := strconv.Atoi(number)
	if err != nil || pid <= 1 || name == "" {
		return errors.New("want a name and a PID above 1")
	}
	if as[name] != 0 || strings.ContainsFunc(name, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return errors.New("want a new name, of the letters A to Z")
	}
	as[name] = pid
	return nil
}

func (q question) complete() error {
	switch {
	case !filepath.IsAbs(q.Daemon) && (q.Daemon == "" || strings.Contains(q.Daemon, "/")):
		return errors.New("it says no `daemon` line with an absolute path or a label")
	case !filepath.IsAbs(q.Pidfile) && q.named():
		return errors.New("it says no `pidfile` line with an absolute path, or none")
	case q.Status == "" && q.Start == "" && q.Pids == nil:
		return errors.New("it says no `status`, `start` or `pids` line")
	case q.Start != "" && !q.named():
		return errors.New("it says a `start` line, and no pidfile is given")
	}
	if len(q.Pids) == 1 && (q.Pids[0] == "none" || q.Pids[0] == cannotTell) {
		return nil
	}
	for _, name := range q.Pids {
		if q.Processes[name] == 0 {
			return fmt.Errorf("pids: no process is called %s", name)
		}
	}
	return nil
}

// named tells whether a pidfile is given.
func (q question) named() bool { return q.Pidfile != "none" }

// names gives the name of each number.
func (q question) names() map[int]string {
	names := map[int]string{}
	for _, numbers := range []map[string]int{q.Gone, q.Processes} {
		for name, pid := range numbers {
			names[pid] = name
		}
	}
	return names
}
