package matcher

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// survey is every process that runs a daemon, or may run it.
type survey struct {
	found []Process
	// parents gives the PPID of those found and of their ancestors.
	parents map[int]int
	// blind is why the survey may have missed some; "" when it saw all.
	blind string
}

const hidden = "/proc hides other users' processes (hidepid); ask as root"

// scan walks /proc once. It reads one exe link of each process, and more only
// of those whose executable's name could be the daemon's. Those it finds are
// held.
func (h *host) scan(d Daemon, c Criteria) (survey, error) {
	s := survey{parents: map[int]int{}}
	pids, err := h.pids()
	if err != nil {
		return s, err
	}
	if !slices.Contains(pids, 1) || h.hidesProcesses() {
		s.blind = hidden
	}
	for _, pid := range pids {
		if !h.mayRun(d, pid) {
			continue
		}
		p, err := h.hold(question{daemon: d, criteria: c}, pid)
		if err != nil {
			p.Release()
			return s, err
		}
		e, decision := p.Evidence, p.Decision
		s.parents[pid] = e.PPID
		switch {
		case decision.Outcome == Runs && !decision.Weak, decision.Rule == RuleForeign && h.sameProgram(d, e):
			s.found = append(s.found, p)
		case decision.Outcome == Undecided && e.Life == Hidden:
			s.blind = hidden
			p.Release()
		case decision.Outcome == Runs, decision.Outcome == Plausible, decision.Outcome == Undecided:
			p.Role = RoleUnclear
			s.found = append(s.found, p)
		default:
			p.Release()
		}
	}
	for _, p := range s.found {
		h.ancestors(s.parents, p.Evidence.PPID)
	}
	for _, init := range s.found {
		for _, p := range s.found {
			if p.Evidence.adoptedBy(init.Evidence) {
				s.parents[p.Evidence.PID] = 0
			}
		}
	}
	return s, nil
}

// release lets go of all that were found.
func (s survey) release() {
	for i := range s.found {
		s.found[i].Release()
	}
}

// sameProgram keeps, of the processes of other PID namespaces, those that a
// person would take for the daemon.
func (h *host) sameProgram(d Daemon, e Evidence) bool {
	x := e.Exe.Value
	return e.Exe.State == Known && (x.atPathOf(d) || x.ID.Known() && x.ID == d.File.Value)
}

func (h *host) pids() ([]int, error) {
	h.doing("reading %s", h.proc)
	dir, err := os.Open(h.proc)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", h.proc, err)
	}
	var pids []int
	for _, n := range names {
		if pid, err := strconv.Atoi(n); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// mayRun says from the exe link alone whether a process is worth a closer look.
func (h *host) mayRun(d Daemon, pid int) bool {
	dir := filepath.Join(h.proc, strconv.Itoa(pid))
	h.doing("reading %s/exe", dir)
	link, err := os.Readlink(filepath.Join(dir, "exe"))
	switch {
	case vanished(err):
		return h.firstThreadEnded(pid)
	case err != nil:
		return h.nameFits(d, pid)
	}
	// Another name of the same file, through a hard link, perhaps of the past.
	if d.Links > 1 || strings.HasSuffix(link, deleted) && fileID(filepath.Join(dir, "exe")) == d.File.Value {
		return true
	}
	base := filepath.Base(link)
	if strings.HasPrefix(base, d.base()) || strings.HasPrefix(base, d.realBase()) {
		return true
	}
	if i := d.Script; i != nil {
		return i.named(base)
	}
	return false
}

// firstThreadEnded: no exe link belongs to a kernel thread, to a zombie, or to
// a process whose first thread ended before the others.
func (h *host) firstThreadEnded(pid int) bool {
	proc, err := h.fs.Proc(pid)
	if err != nil {
		return false
	}
	stat, err := readStat(proc)
	return err == nil && stat.State == "Z" && stat.NumThreads > 1
}

// nameFits judges a process whose executable we may not see. One that hides
// even its name may be anything.
func (h *host) nameFits(d Daemon, pid int) bool {
	proc, err := h.fs.Proc(pid)
	if err != nil {
		return !vanished(err)
	}
	stat, err := readStat(proc)
	if err != nil {
		return !vanished(err)
	}
	if stat.Flags&kernelThread != 0 {
		return false
	}
	argv := h.readArgv(pid) // anybody may read it, and few daemons change both
	if d.goesBy(stat.Comm) || d.goesBy(argv0Base(argv.Value)) {
		return true
	}
	return d.Script != nil && (d.titled(argv.Value) != fitsNot ||
		slices.ContainsFunc(scriptArguments(argv.Value), func(word string) bool { return d.goesBy(filepath.Base(word)) }))
}

// ancestors fills in the parents up to init, so that a worker is known as one
// also through a parent that runs something else.
func (h *host) ancestors(parents map[int]int, pid int) {
	for pid > 1 {
		if _, seen := parents[pid]; seen {
			return
		}
		proc, err := h.fs.Proc(pid)
		if err != nil {
			return
		}
		stat, err := readStat(proc)
		if err != nil {
			return
		}
		parents[pid] = stat.PPID
		pid = stat.PPID
	}
}
