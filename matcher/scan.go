package matcher

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
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
func (h *host) scan(d Daemon, c Criteria, hold bool) (survey, error) {
	s := survey{parents: map[int]int{}}
	proc, err := h.openProc(unix.O_PATH)
	if err != nil {
		return s, err
	}
	defer unix.Close(proc)
	glance := h.glance(&d, proc)
	candidates, err := h.among(glance.mayRun)
	if err != nil {
		return s, err
	}
	if !candidates.init || h.hidesProcesses() {
		s.blind = hidden
	}
	judged, err := h.judgeAll(question{daemon: d, criteria: c}, candidates.pids, hold)
	if err != nil {
		return s, err
	}
	for _, p := range judged {
		s.parents[p.Evidence.PID] = p.Evidence.PPID
		switch {
		case p.host != nil:
			s.found = append(s.found, p)
		case p.Evidence.Life == Hidden:
			s.blind = hidden
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

// judgeAll judges every one of pids, and lets go of those that do not belong into the
// survey; of the others' pidfds, of which there may be more than descriptors, unless
// they are to be held. Of all where one could not be read.
func (h *host) judgeAll(q question, pids []int, hold bool) ([]Process, error) {
	judged, errs := make([]Process, len(pids)), make([]error, len(pids))
	spread(len(pids), func(i int) {
		p, err := h.hold(q, pids[i])
		switch d := p.Decision; {
		case err != nil:
			p.Release()
		case d.Outcome == Runs && !d.Weak, d.Rule == RuleForeign && h.sameProgram(q.daemon, p.Evidence):
		case d.Outcome == Undecided && p.Evidence.Life == Hidden:
			p.Release()
		case d.Outcome == Runs, d.Outcome == Plausible, d.Outcome == Undecided:
			p.Role = RoleUnclear
		default:
			p.Release()
		}
		if !hold {
			p.pin.release()
			p.pin = nobody
		}
		judged[i], errs[i] = p, err
	})
	err := cmp.Or(errs...)
	if err != nil {
		survey{found: judged}.release()
	}
	return judged, err
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

// glance is the first look at a process, which goes to all of them: at the exe link
// alone.
type glance struct {
	*host
	daemon         *Daemon
	proc           int // a descriptor of /proc
	base, realBase []byte
}

func (h *host) glance(d *Daemon, proc int) glance {
	return glance{host: h, daemon: d, proc: proc, base: []byte(d.base()), realBase: []byte(d.realBase())}
}

// mayRun says whether a process is worth a closer look.
func (g *glance) mayRun(pid int) (bool, error) {
	var short [256]byte
	link, err := exeLink(g.proc, pid, short[:])
	d := g.daemon
	if err == unix.EACCES && os.Geteuid() == 0 { // in a container
		link, err = g.linkAsItsUser(pid)
	}
	switch {
	case d.unnamed(): // nothing runs it
		return false, nil
	case vanished(err):
		return g.headless(pid)
	case err != nil:
		return g.nameFits(*d, pid)
	}
	base := link[bytes.LastIndexByte(link, '/')+1:]
	if bytes.HasPrefix(base, g.base) || bytes.HasPrefix(base, g.realBase) {
		return true, nil
	}
	// Another name of the same file, through a hard link, perhaps of the past.
	if (d.Links > 1 || bytes.HasSuffix(link, []byte(deleted))) && fileID(g.pidPath(pid, "exe")) == d.File.Value {
		return true, nil
	}
	return d.Script != nil && d.Script.named(string(base)), nil
}

// linkAsItsUser is a function of its own so that mayRun's variables stay on the stack.
func (g *glance) linkAsItsUser(pid int) (link []byte, err error) {
	err = unix.EACCES
	status, statusErr := g.readStatus(pid)
	if statusErr == nil {
		asItsUser(status, func() { link, err = exeLink(g.proc, pid, make([]byte, 256)) })
	}
	return link, err
}

// headless tells of a process without an exe link whether it lives: it is neither a
// kernel thread nor a zombie, but its first thread ended before the others, or
// another of them just replaces its program, execve(2).
func (h *host) headless(pid int) (bool, error) {
	stat, err := h.readStat(pid)
	return err == nil && !hasEnded(stat) && stat.Flags&kernelThread == 0, unforeseen(err)
}

// nameFits judges a process whose executable we may not see. One that hides
// even its name may be anything.
func (h *host) nameFits(d Daemon, pid int) (bool, error) {
	stat, err := h.readStat(pid)
	if err != nil {
		return !vanished(err), unforeseen(err)
	}
	if stat.Flags&kernelThread != 0 {
		return false, nil
	}
	argv := h.readArgv(pid) // anybody may read it, and few daemons change both
	if d.goesBy(stat.Comm) || d.goesBy(argv0Base(argv.Value)) {
		return true, nil
	}
	fits := d.Script != nil && (d.titled(argv.Value) != fitsNot ||
		slices.ContainsFunc(scriptArguments(argv.Value), func(word string) bool { return d.goesBy(filepath.Base(word)) }))
	return fits, unforeseen(argv.Err)
}

// ancestors fills in the parents up to init, so that a worker is known as one
// also through a parent that runs something else.
func (h *host) ancestors(parents map[int]int, pid int) {
	for pid > 1 {
		if _, seen := parents[pid]; seen {
			return
		}
		stat, err := h.readStat(pid)
		if err != nil {
			return
		}
		parents[pid] = stat.PPID
		pid = stat.PPID
	}
}
