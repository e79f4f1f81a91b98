package matcher

import (
	"context"
	"fmt"
	"slices"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// Remaining finds what is left of an instance whose main processes are held, and may
// have ended: what runs the daemon, no other pidfile accounts for, and has one of them, or
// of their relatives that were found before, as its parent, or as the leader of its
// process group or session, whose number no other process can have meanwhile: its workers,
// and what it forked while it ended. They are held; the caller must Release each. others
// are the PIDs that another instance's pidfile accounts for. An error means that there may
// be more.
func (in Instance) Remaining(ctx context.Context, mains, relatives []*Process) (left []*Process, others map[int]bool, err error) {
	in.Hold, in.Others, in.Sockets, in.ListeningOnly, in.PidfileOnly = true, true, false, false, false
	h := thisHost()
	h.registered = in.Registered
	others = map[int]bool{}
	r, err, inTime := kernel.Within(ctx, h.System, func() (Report, error) { return h.check(ctx, in) })
	switch {
	case !inTime:
		return nil, others, fmt.Errorf("%w: no answer in time while %s", ErrNoAnswer, h.LastStep())
	case err != nil:
		return nil, others, err
	case r.Blind != "":
		r.Release()
		return nil, others, fmt.Errorf("%w: %s", ErrNoAnswer, r.Blind)
	}
	kin := map[int]bool{}
	for _, p := range slices.Concat(mains, relatives) {
		passed, err := h.passedOn(p)
		if err != nil {
			r.Release()
			return nil, others, fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
		kin[p.Evidence.PID] = !passed
	}
	again := r.Wrapper != nil && isOneOf(mains, r.Wrapper.Evidence.PID) && kin[r.Wrapper.Evidence.PID]
	for _, p := range r.looked() {
		if again && p != r.Wrapper && !isOneOf(relatives, p.Evidence.PID) {
			left = append(left, p) // whom the wrapper has started again
			continue
		}
		p.Release()
	}
	for _, p := range r.Others {
		if p.Role == RoleOther && !isOneOf(mains, p.Evidence.PID) {
			others[p.Evidence.PID] = true
		}
		belongs := p.belongsTo(mains, r, kin)
		if belongs && p.Decision.Outcome == rules.Runs {
			left = append(left, p)
			continue
		}
		if belongs {
			err = fmt.Errorf("%w whether %d is one: %s", ErrNoAnswer, p.Evidence.PID, p.Decision.Why)
		}
		p.Release()
	}
	return left, others, err
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
