package matcher

import (
	"cmp"
	"errors"
	"fmt"
)

// survey is every process that runs a daemon, or may run it.
type survey struct {
	found []Process
	// parents gives the PPID of those found and of their ancestors.
	parents map[int]int
	// blind is why the survey may have missed some; "" when it saw all.
	blind string
	// failure is why some could not be looked at by one who may look at all.
	failure error
}

const hidden = "/proc hides other users' processes (hidepid); ask as root"

// scan walks /proc once, for one daemon. Those it finds are held, if hold is set.
func (h *host) scan(d Daemon, c Criteria, hold bool) (survey, error) {
	surveys, err := h.scanAll([]Daemon{d}, c, hold)
	if err != nil {
		return survey{}, err
	}
	return surveys[0], nil
}

// scanAll walks /proc once, for several daemons: it reads one exe link of each process,
// and more only of those that may run one of them. It gives a survey for each.
func (h *host) scanAll(daemons []Daemon, c Criteria, hold bool) ([]survey, error) {
	w := h.want(daemons, true)
	candidates, err := h.among(w.look)
	if err != nil {
		return nil, err
	}
	blind, err := h.blindness(candidates)
	if err != nil {
		return nil, err
	}
	parents := map[int]int{}
	surveys := make([]survey, len(daemons))
	for i := range surveys {
		surveys[i] = survey{parents: parents, blind: blind}
	}
	for _, pid := range candidates.stuck {
		h.untold(pid)
	}
	for _, of := range h.judgeAll(w, c, append(candidates.pids, candidates.stuck...), hold) {
		for _, p := range of {
			s := &surveys[p.place]
			parents[p.Evidence.PID] = p.Evidence.PPID
			switch {
			case p.kept:
				s.found = append(s.found, p.Process)
			case p.Evidence.Life == Hidden:
				s.blind = hidden
			}
			if err := h.fault(p.Process); err != nil {
				s.failure = fmt.Errorf("process %d cannot be read: %w", p.Evidence.PID, err)
			}
		}
	}
	for _, s := range surveys {
		h.placeInTree(s)
	}
	return surveys, nil
}

// blindness is why some processes may not have been listed.
func (h *host) blindness(all listing) (string, error) {
	hides, err := h.hidesProcesses()
	if !all.init || hides {
		return hidden, err
	}
	return "", err
}

// placeInTree fills in the parents up to init, so that a worker is known as one also
// through a parent that runs something else. One whose parents cannot be read may be
// anybody's.
func (h *host) placeInTree(s survey) {
	for i := range s.found {
		p := &s.found[i]
		if err := h.ancestors(s.parents, p.Evidence.PID, p.Evidence.PPID); err != nil {
			p.Role, p.Decision.Why = RoleUnclear, err.Error()
		}
	}
	for _, init := range s.found {
		for _, p := range s.found {
			if init.Evidence.PID == 1 && adoptedBy(p.Evidence, init.Evidence) {
				s.parents[p.Evidence.PID] = 0
			}
		}
	}
}

func (h *host) ancestors(parents map[int]int, child, pid int) error {
	for pid > 1 {
		if _, seen := parents[pid]; seen {
			return nil
		}
		stat, err := h.readStat(pid)
		if vanished(err) { // then its children have another parent now, or it did not end
			now, childErr := h.readStat(child)
			if childErr == nil && now.PPID == pid {
				return fmt.Errorf("its parent, %d, cannot be read: %w", pid, err)
			}
			if pid = now.PPID; childErr != nil {
				return unforeseen(childErr)
			}
			parents[child] = pid
			continue
		}
		if err != nil {
			return h.unforeseen(err)
		}
		parents[pid] = stat.PPID
		child, pid = pid, stat.PPID
	}
	return nil
}

// candidate is a process, judged for one of the daemons that are wanted.
type candidate struct {
	Process
	place int
	kept  bool // it belongs into the survey
}

// judgeAll judges every one of pids for the daemons that it may run, and lets go of those
// that do not belong into the survey; of the others' pidfds, of which there may be more
// than descriptors, unless they are to be held. One of which something could not be read
// is unclear.
func (h *host) judgeAll(w *wanted, c Criteria, pids []int, hold bool) [][]candidate {
	judged := make([][]candidate, len(pids))
	spread(len(pids), func(i int) {
		p, err := h.meet(pids[i])
		places := w.all()
		if err == nil && p.Evidence.Life == Alive {
			places = w.of(&p.Evidence)
		}
		for _, place := range places {
			one := candidate{Process: p, place: place}
			if err == nil {
				one.Process, err = h.decideOn(question{daemon: w.daemons[place], criteria: c}, p)
			}
			if err != nil {
				one.Decision, one.fault = undecided(err), err
			}
			if hidden := one.Evidence.Life == Hidden; hidden && h.unforeseen(one.Evidence.Exe.Err) != nil {
				one.fault = one.Evidence.Exe.Err // nothing may be hidden from us
			}
			one.kept = one.belongs(w.daemons[place])
			if !hold {
				one.held = nil
			}
			judged[i] = append(judged[i], one)
		}
		if !hold || len(places) == 0 || !judged[i][0].kept {
			p.held.release()
		}
	})
	return judged
}

// undecided is the decision about a process of which something could not be read.
func undecided(err error) Decision {
	return Decision{Rule: RuleUnreadable, Outcome: Undecided, Why: err.Error()}
}

// fault is what kept a process from being decided about, if that says nothing of it; not
// that it keeps its arguments to itself.
func (h *host) fault(p Process) error {
	e := p.Evidence
	if p.Decision.Outcome != Undecided && p.Decision.Outcome != Plausible || errors.Is(e.Argv.Err, errUntold) {
		return nil
	}
	if errors.Is(e.Exe.Err, errBetweenPrograms) {
		return nil
	}
	err := cmp.Or(p.fault, h.unforeseen(e.Exe.Err), unforeseen(e.Exe.Value.IDErr), unforeseen(e.File.Err), unforeseen(e.Argv.Err))
	if err == nil && e.Filesystem.State == Unreadable {
		err = unforeseen(e.Filesystem.Err)
	}
	return err
}

// belongs reports that a process belongs into a survey, and marks it where that is not
// certain.
func (p *candidate) belongs(d Daemon) bool {
	switch decision := p.Decision; {
	case decision.Outcome == Runs && !decision.Weak, decision.Rule == RuleForeign && sameProgram(d, p.Evidence):
	case decision.Outcome == Undecided && p.Evidence.Life == Hidden && p.fault == nil:
		return false
	case decision.Outcome == NotThis:
		return false
	default:
		p.Role = RoleUnclear
	}
	return true
}

// release lets go of all that were found.
func (s survey) release() {
	for i := range s.found {
		s.found[i].Release()
	}
}

// sameProgram keeps, of the processes of other PID namespaces, those that a
// person would take for the daemon.
func sameProgram(d Daemon, e Evidence) bool {
	x := e.Exe.Value
	return e.Exe.State == Known && (atPathOf(x, d) || x.ID.Known() && x.ID == d.File.Value)
}
