package instances

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

// unsaid stands where there is nothing to say.
const unsaid = "-"

// Text is the list for a person: a row an instance, then what no pidfile
// accounts for. In colour, what runs an old binary stands out.
func (list Listing) Text(w io.Writer, width int, colour bool) {
	t := say.Table{Folded: 3, Right: []int{2, 6}}
	u := say.Table{Folded: 2, Right: []int{0, 4}}
	if colour {
		t.Colour, u.Colour = standsOut(1, 5), standsOut(3)
	}
	t.Add("NAME", "STATE", "PID", "USER", "SINCE", "BINARY", "WORKERS", "REG", "PIDFILE", "EXECUTABLE", "WHAT IS KNOWN")
	for _, i := range list.instances {
		t.Add(i.cells()...)
	}
	u.Add("PID", "USER", "SINCE", "BINARY", "WORKERS", "EXECUTABLE", "WHAT IS KNOWN")
	for _, daemon := range list.daemons {
		for _, top := range treeRootsOf(daemon.Processes) {
			u.Add(top.cells(daemon, list.childOf(top.Evidence.PID))...)
		}
	}
	switch {
	case len(t.Rows) > 1:
		t.Write(w, width)
	case !list.problems && len(list.Nothing) == 0: // else that is said already
		fmt.Fprintln(w, "No instance was found.")
	case len(u.Rows) == 1 && list.bad == 0 && len(list.Nothing) == 0:
		fmt.Fprintln(w, "No problem was found.")
	}
	if len(u.Rows) > 1 {
		if len(t.Rows) > 1 || !list.problems {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "Unclaimed: they run these daemons, and no pidfile accounts for them")
		u.Write(w, width)
	}
}

// standsOut colours what needs a person in some columns.
func standsOut(columns ...int) func(column int, cell string) string {
	return func(column int, cell string) string {
		switch {
		case !slices.Contains(columns, column):
		case cell == "replaced", cell == "removed":
			return say.Yellow
		case cell == "stale", cell == "unknown" && column == columns[0]:
			return say.Red
		}
		return ""
	}
}

func (i row) cells() []string {
	pid, user, since, binary, workers, executable := unsaid, unsaid, unsaid, unsaid, unsaid, i.Daemon.Path
	if pids := i.PIDs(); len(pids) > 0 {
		pid = pids.Few()
	}
	if i.shown() {
		user, since, binary = whoAndSince(i.Main)
	}
	if i.Workers != nil {
		workers = strconv.Itoa(*i.Workers)
	}
	if executable == "" {
		executable = unsaid
	}
	registered := "no"
	if i.registration != nil {
		registered = "yes"
	}
	pidfiles := strings.Join(append([]string{i.Pidfile.Path}, i.Also...), ",")
	return []string{i.name, i.state(), pid, user, since, binary, workers, registered, pidfiles, executable, i.whatIsKnown()}
}

// whatIsKnown is why a pidfile is stale, and what an instance listens on that runs. Why it
// is unknown is a sentence on standard error.
func (i row) whatIsKnown() string {
	if i.state() == "stale" {
		return strings.TrimPrefix(strings.TrimPrefix(i.Reason, "pidfile "+i.Pidfile.Path+" is stale: "), "pidfile "+i.Pidfile.Path+" ")
	}
	return explain.Listening(i.Sockets.Value)
}

// shown: something is known of the process that the pidfile names, and it may be
// the daemon.
func (i row) shown() bool {
	return (i.PidfileVerdict == matcher.Running || i.PidfileVerdict == matcher.Unknown) &&
		i.Main != nil && !i.Main.Evidence.Started.IsZero()
}

func whoAndSince(p *matcher.Process) (user, since, binary string) {
	if p.Evidence.Started.IsZero() {
		return unsaid, unsaid, unsaid
	}
	const minute = "2006-01-02 15:04"
	return explain.UserName(p.Evidence.EUID), p.Evidence.Started.In(time.Local).Format(minute), p.Decision.File.String()
}

// treeRoot is an unclaimed process whose parent is none, and how many of the
// unclaimed descend from it.
type treeRoot struct {
	*matcher.Process
	descendants int
}

func treeRootsOf(unclaimed []*matcher.Process) (roots []treeRoot) {
	parents := map[int]int{}
	for _, p := range unclaimed {
		parents[p.Evidence.PID] = p.Evidence.PPID
	}
	descendants := map[int]int{}
	for pid := range parents {
		// A number that was passed on meanwhile could close a circle.
		for above, hops := parents[pid], 0; hops < len(parents); above, hops = parents[above], hops+1 {
			if _, isUnclaimed := parents[above]; !isUnclaimed {
				break
			}
			descendants[above]++
		}
	}
	for _, p := range unclaimed {
		if _, below := parents[p.Evidence.PPID]; !below {
			roots = append(roots, treeRoot{p, descendants[p.Evidence.PID]})
		}
	}
	return roots
}

// childOf names the instance whose main process is a child of this one: jsvc's pidfile
// names the process that does the work. "" if there is none.
func (list Listing) childOf(pid int) string {
	for _, i := range list.instances {
		for _, main := range i.Mains() {
			if main.Evidence.PPID == pid {
				return i.name
			}
		}
	}
	return ""
}

func (f treeRoot) cells(of matcher.Unaccounted, child string) []string {
	workers := strconv.Itoa(f.descendants)
	if of.Blind != "" { // not all of them were seen
		workers = unsaid
	}
	user, since, binary := whoAndSince(f.Process)
	return []string{strconv.Itoa(f.Evidence.PID), user, since, binary, workers, of.Daemon.Path, f.whatIsKnown(child)}
}

func (f treeRoot) whatIsKnown(child string) string {
	var known []string
	switch {
	case f.Role == matcher.RoleLeftover:
		known = append(known, "left over from "+f.Instance)
	case f.Role == matcher.RoleUnclear:
		known = append(known, "may run it: "+f.Decision.Why)
	}
	if child != "" {
		known = append(known, "parent of "+child)
	}
	if s := explain.ListensOn(f.Process); s != "" {
		known = append(known, s)
	}
	if f.Evidence.PPID > 1 {
		known = append(known, fmt.Sprintf("child of %d", f.Evidence.PPID))
	}
	if len(known) == 0 {
		return fmt.Sprintf("see ps -fp %d", f.Evidence.PID)
	}
	return strings.Join(known, "; ")
}
