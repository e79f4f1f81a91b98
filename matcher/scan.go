package matcher

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// survey is every process that runs a daemon, or may run it.
type survey struct {
	found []*Process
	// parents gives the PPID of those found and of their ancestors.
	parents map[int]int
	// blind is why the survey may have missed some; "" when it saw all.
	blind string
	// failure is why some could not be looked at by one who may look at all.
	failure error
}

const hidden = "/proc hides other users' processes (hidepid); ask as root"

// scan walks /proc once, for one daemon. Those it finds are held, if hold is set.
func (h *host) scan(d rules.Daemon, c rules.Criteria, hold bool) (survey, error) {
	if d.Label() {
		return h.kernelThreads(d)
	}
	surveys, err := h.scanAll([]rules.Daemon{d}, c, hold)
	if err != nil {
		return survey{}, err
	}
	return surveys[0], nil
}

// scanAll walks /proc once, for several daemons: it reads one exe link of each process,
// and more only of those that may run one of them. It gives a survey for each.
func (h *host) scanAll(daemons []rules.Daemon, c rules.Criteria, hold bool) ([]survey, error) {
	w := h.want(daemons, true)
	candidates, err := h.Among(w.look)
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
	judged := h.judgeAll(w, c, append(candidates.Pids, candidates.Stuck...), hold)
	for i, of := range judged {
		judged[i] = nil // there may be thousands
		for _, p := range of {
			s := &surveys[p.place]
			parents[p.Evidence.PID] = p.Evidence.PPID
			switch {
			case p.kept:
				s.found = append(s.found, &p.Process)
			case p.Evidence.Life == fact.Hidden:
				s.blind = hidden
			}
			if p.fault != nil {
				s.failure = fmt.Errorf("process %d cannot be read: %w", p.Evidence.PID, p.fault)
			}
		}
	}
	for _, s := range surveys {
		h.placeInTree(s)
	}
	return surveys, nil
}

// kernelThreads are those of a label's name, held: no process can make himself one. What
// else bears the name says little; it may be the init script that asks.
func (h *host) kernelThreads(d rules.Daemon) (survey, error) {
	s := survey{parents: map[int]int{}}
	name := rules.LastPart(d.Name)
	if name == "" {
		return s, nil
	}
	found, blind, err := h.matchAll(rules.Criteria{Name: name})
	s.blind = blind
	for _, p := range found {
		if !p.Evidence.Kernel || p.Decision.Outcome != rules.Runs {
			p.Release()
			continue
		}
		s.found = append(s.found, p)
		s.parents[p.Evidence.PID] = p.Evidence.PPID
	}
	h.placeInTree(s)
	return s, err
}

// blindness is why some processes may not have been listed.
func (h *host) blindness(all kernel.Listing) (string, error) {
	hides, err := h.HidesProcesses()
	if !all.Init || hides {
		return hidden, err
	}
	return "", err
}

// placeInTree fills in the parents up to init, so that a worker is known as one also
// through a parent that runs something else. One whose parents cannot be read may be
// anybody's.
func (h *host) placeInTree(s survey) {
	for _, p := range s.found {
		if err := h.ancestors(s.parents, p.Evidence.PID, p.Evidence.PPID); err != nil {
			p.Role, p.Decision.Why = RoleUnclear, err.Error()
		}
	}
	first := slices.IndexFunc(s.found, func(p *Process) bool { return p.Evidence.PID == 1 })
	if first < 0 {
		return
	}
	for _, p := range s.found {
		if e := p.Evidence; rules.AdoptedBy(e, s.found[first].Evidence) {
			s.parents[e.PID] = 0
		}
	}
}

func (h *host) ancestors(parents map[int]int, child, pid int) error {
	for pid > 1 {
		if _, seen := parents[pid]; seen {
			return nil
		}
		stat, err := h.ReadStat(pid)
		if fact.Vanished(err) { // then its children have another parent now, or it did not end
			now, childErr := h.ReadStat(child)
			if childErr == nil && now.PPID == pid {
				return fmt.Errorf("its parent, %d, cannot be read: %w", pid, err)
			}
			if pid = now.PPID; childErr != nil {
				return fact.Unforeseen(childErr)
			}
			parents[child] = pid
			continue
		}
		if err != nil {
			return h.Unforeseen(err)
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
func (h *host) judgeAll(w *wanted, c rules.Criteria, pids []int, hold bool) [][]candidate {
	judged := make([][]candidate, len(pids))
	kernel.Spread(len(pids), func(i int) {
		p, err := h.meet(pids[i])
		places := w.all()
		if err == nil && p.Evidence.Life == fact.Alive {
			places = w.of(&p.Evidence)
		}
		for _, place := range places {
			one := candidate{Process: p, place: place}
			if err == nil {
				err = h.decideOn(rules.Question{Daemon: w.daemons[place], Criteria: c}, &one.Process)
			}
			if err != nil {
				one.Decision, one.fault = undecided(err), err
			}
			if hidden := one.Evidence.Life == fact.Hidden; hidden && h.Unforeseen(one.Evidence.Exe.Err) != nil {
				one.fault = one.Evidence.Exe.Err // nothing may be hidden from us
			}
			one.kept = one.belongs(w.daemons[place])
			one.fault = h.fault(one.Process)
			if !one.kept { // of others there may be thousands, with long arguments
				one.Process = Process{Evidence: fact.Evidence{PID: one.Evidence.PID, PPID: one.Evidence.PPID, Life: one.Evidence.Life}, held: one.held, fault: one.fault}
			}
			if !hold {
				one.held = nil
			}
			one.Decision.Steps = nil // they are shown of the pidfile's process alone
			one.lighten()
			judged[i] = append(judged[i], one)
		}
		if !hold || len(places) == 0 || !judged[i][0].kept {
			p.held.Release()
		}
	})
	return judged
}

// undecided is the decision about a process of which something could not be read.
func undecided(err error) rules.Decision {
	return rules.Decision{Rule: rules.RuleUnreadable, Outcome: rules.Undecided, Why: err.Error()}
}

// fault is what kept a process from being decided about, if that says nothing of it; not
// that it keeps its arguments to itself.
func (h *host) fault(p Process) error {
	e := p.Evidence
	if p.Decision.Outcome != rules.Undecided && p.Decision.Outcome != rules.Plausible || errors.Is(e.Argv.Err, fact.ErrUntold) {
		return nil
	}
	if errors.Is(e.Exe.Err, fact.ErrBetweenPrograms) || errors.Is(e.Exe.Err, fact.ErrThreads) {
		return nil
	}
	err := cmp.Or(p.fault, h.Unforeseen(e.Exe.Err), fact.Unforeseen(e.Exe.Value.IDErr), fact.Unforeseen(e.File.Err), fact.Unforeseen(e.Argv.Err))
	if err == nil && e.Filesystem.State == fact.Unreadable {
		err = fact.Unforeseen(e.Filesystem.Err)
	}
	for _, script := range e.Scripts {
		err = cmp.Or(err, fact.Unforeseen(script.File.Err))
	}
	return err
}

// belongs reports that a process belongs into a survey, and marks it where that is not
// certain.
func (p *candidate) belongs(d rules.Daemon) bool {
	switch decision := p.Decision; {
	case decision.Outcome == rules.Runs && !decision.Weak, decision.Rule == rules.RuleForeign && sameProgram(d, p.Evidence):
	case decision.Outcome == rules.Undecided && p.Evidence.Life == fact.Hidden && p.fault == nil:
		return false
	case decision.Outcome == rules.NotThis:
		return false
	default:
		p.Role = RoleUnclear
	}
	return true
}

// release lets go of all that were found.
func (s survey) release() {
	for _, p := range s.found {
		p.Release()
	}
}

// sameProgram keeps, of the processes of other PID namespaces, those that a
// person would take for the daemon.
func sameProgram(d rules.Daemon, e fact.Evidence) bool {
	x := e.Exe.Value
	return e.Exe.State == fact.Known && (rules.AtPathOf(x, d) || x.ID.Known() && x.ID == d.File.Value)
}
