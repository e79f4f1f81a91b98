package matcher

import (
	"context"
	"fmt"
	"slices"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// Rest is what there is of an instance besides its main processes.
type Rest struct {
	// Left are its workers, and what it forked while it ended. They are held; the
	// caller must Release each.
	Left []Process
	// Others are the PIDs that another instance's pidfile accounts for.
	Others map[int]bool
}

// Remaining finds what is left of an instance whose main processes are held, and may
// have ended: what runs the daemon, no other pidfile accounts for, and has one of them, or
// of their relatives that were found before, as its parent, or as the leader of its
// process group or session, whose number no other process can have meanwhile. An
// error means that there may be more.
func Remaining(ctx context.Context, in Instance, mains, relatives []*Process) (Rest, error) {
	in.Hold, in.Others, in.Sockets, in.Unclaimed = true, true, false, CountAny
	h := thisHost()
	h.registered = in.Registered
	rest := Rest{Others: map[int]bool{}}
	r, err, inTime := kernel.Within(ctx, h.System, func() (Report, error) { return h.check(ctx, in) })
	switch {
	case !inTime:
		return rest, fmt.Errorf("%w: no answer in time while %s", ErrNoAnswer, h.LastStep())
	case err != nil:
		return rest, err
	case r.Blind != "":
		r.Release()
		return rest, fmt.Errorf("%w: %s", ErrNoAnswer, r.Blind)
	}
	kin := map[int]bool{}
	for _, p := range slices.Concat(mains, relatives) {
		passed, err := h.passedOn(p)
		if err != nil {
			r.Release()
			return rest, fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
		kin[p.Evidence.PID] = !passed
	}
	again := r.Wrapper != nil && isOneOf(mains, r.Wrapper.Evidence.PID) && kin[r.Wrapper.Evidence.PID]
	for _, p := range r.looked() {
		if again && p != r.Wrapper && !isOneOf(relatives, p.Evidence.PID) {
			rest.Left = append(rest.Left, *p) // whom the wrapper has started again
			continue
		}
		p.Release()
	}
	for _, p := range r.Others {
		if p.Role == RoleOther && !isOneOf(mains, p.Evidence.PID) {
			rest.Others[p.Evidence.PID] = true
		}
		belongs := p.belongsTo(mains, r, kin)
		if belongs && p.Decision.Outcome == rules.Runs {
			rest.Left = append(rest.Left, p)
			continue
		}
		if belongs {
			err = fmt.Errorf("%w whether %d is one: %s", ErrNoAnswer, p.Evidence.PID, p.Decision.Why)
		}
		p.Release()
	}
	return rest, err
}

// belongsTo reports that a process is of the instance with these main processes.
func (p Process) belongsTo(mains []*Process, r Report, kin map[int]bool) bool {
	e := p.Evidence
	stranger := func(pid int) bool { return !isOneOf(mains, pid) || !kin[pid] }
	switch {
	case isOneOf(mains, e.PID): // itself, where its pidfile is gone already
		return false
	case p.Role == RoleWorker:
		return !slices.ContainsFunc(r.PIDs(), stranger)
	case p.Role == RoleOther || p.Role == RoleForeign:
		return false
	}
	adopted := slices.ContainsFunc(mains, func(main *Process) bool { return rules.AdoptedBy(e, main.Evidence) })
	return kin[e.PPID] && !adopted || kin[e.Group] || kin[e.Session]
}

func isOneOf(of []*Process, pid int) bool {
	return slices.ContainsFunc(of, func(p *Process) bool { return p.Evidence.PID == pid })
}

// passedOn reports that the number of a process belongs to another by now.
func (h *host) passedOn(p *Process) (bool, error) {
	stat, err := h.ReadStat(p.Evidence.PID)
	if err != nil { // nobody has it
		return false, fact.Unforeseen(err)
	}
	return stat.Start != p.Evidence.StartTicks, nil
}

// RunsUnder reports that pid, our parent, is a held process or descends from it, as a
// login session does from sshd.
func RunsUnder(pid int, of *Process) (bool, error) {
	ancestors, err := kernel.Ancestors(pid)
	return slices.Contains(ancestors, of.Evidence.PID), err
}
