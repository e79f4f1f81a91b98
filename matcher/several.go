package matcher

import (
	"fmt"
	"strings"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/rules"
)

// askFurther looks at the processes that the pidfile names after the first, whose
// decision is in the report: those that run the daemon are main processes as well. Where
// the first one is over, the next takes its place.
func (h *host) askFurther(r *Report, in Instance, q rules.Question) error {
	var first *rules.Named
	if r.Main.Decision.Outcome == rules.Runs {
		first = &rules.Named{Evidence: r.Main.Evidence, Decision: r.Main.Decision}
	}
	var doubt string
	var none []string
	for _, pid := range q.Pidfile.Numbers().All()[1:] {
		if pid == r.Main.Evidence.PID { // whom the first one, a wrapper, has started
			continue
		}
		p, err := h.meet(pid)
		p.Evidence.Below = fact.Of[[]fact.Below](nil) // a thousand wrappers would be a thousand looks at all
		if err == nil {
			err = h.decideOn(q, &p)
		}
		if err != nil {
			p.Release()
			return fmt.Errorf("process %d: %w", pid, err)
		}
		outcome, why := rules.Joins(q.Pidfile, first, rules.Named{Evidence: p.Evidence, Decision: p.Decision})
		if !in.Hold || outcome != rules.Runs {
			p.Release()
		}
		switch outcome {
		case rules.Runs:
			p.Role = RoleMain
			r.Further = append(r.Further, &p)
		case rules.Undecided:
			doubt = fmt.Sprintf("%s names %d, too: %s", q.Pidfile.Path, pid, why)
		default:
			none = append(none, fmt.Sprintf("%d (%s)", pid, why))
		}
	}
	r.sumUp(doubt, none)
	return nil
}

// sumUp makes one verdict of what all the pidfile's processes are.
func (r *Report) sumUp(doubt string, none []string) {
	firstRuns := r.Main.Decision.Outcome == rules.Runs
	switch {
	case doubt != "": // whoever acted on the others would leave this one behind
		r.Verdict, r.Rule, r.Reason = Unknown, rules.RuleUnreadable, doubt
	case firstRuns:
	case len(r.Further) > 0:
		none = append([]string{fmt.Sprintf("%d (%s)", r.Main.Evidence.PID, r.Main.Decision.Why)}, none...)
		r.Main.Release()
		r.Main, r.Further = r.Further[0], r.Further[1:]
		r.Verdict, r.Rule, r.Reason = Running, r.Main.Decision.Rule, r.Main.Decision.Why
	}
	if len(none) > 0 && r.Verdict == Running {
		r.Notes = append(r.Notes, fmt.Sprintf("Of the numbers in %s these are no processes of it: %s.", r.Pidfile.Path, strings.Join(rules.Abridge(none), ", ")))
	}
}

// Mains are the main processes: those that the pidfile names and that run the daemon. The
// first is Main; there is none unless the daemon runs.
func (r *Report) Mains() (mains []*Process) {
	if r.Main == nil || r.Main.Role != RoleMain {
		return nil
	}
	return r.namedProcesses()
}

// namedProcesses are those that the pidfile names and that were looked at: Main also where
// it is not the daemon.
func (r *Report) namedProcesses() (named []*Process) {
	if r.Main != nil {
		named = append(named, r.Main)
	}
	return append(named, r.Further...)
}

// looked are all that were looked at because of the pidfile.
func (r *Report) looked() []*Process {
	if r.Wrapper == nil {
		return r.namedProcesses()
	}
	return append(r.namedProcesses(), r.Wrapper)
}

// PIDs are the numbers of the main processes; where there is none, those of whom the
// pidfile's wrapper has started, or that of the pidfile, if it names one.
func (r *Report) PIDs() (pids rules.PIDs) {
	for _, p := range r.Mains() {
		pids = append(pids, p.Evidence.PID)
	}
	if r.ManyBelow() {
		for _, b := range r.Pidfile.StartedBy(r.Main.Evidence) {
			pids = append(pids, b.PID)
		}
	}
	if pids == nil && r.Pidfile.PID > 0 {
		pids = rules.PIDs{r.Pidfile.PID}
	}
	return pids
}
