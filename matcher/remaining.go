package matcher

import (
	"context"
	"fmt"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// Remaining finds what is left of an instance whose main process is held, and may
// have ended: what runs the daemon, no other pidfile accounts for, and has main, or
// one of its relatives that were found before, as its parent, or as the leader of its
// process group or session, whose number no other process can have meanwhile: its workers,
// and what it forked while it ended. They are held; the caller must Release each. others
// are the PIDs that another instance's pidfile accounts for. An error means that there may
// be more.
func (in Instance) Remaining(ctx context.Context, main *Process, relatives []*Process) (left []Process, others map[int]bool, err error) {
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
	for _, p := range append([]*Process{main}, relatives...) {
		passed, err := h.passedOn(p)
		if err != nil {
			r.Release()
			return nil, others, fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
		kin[p.Evidence.PID] = !passed
	}
	if r.Main != nil {
		r.Main.Release()
	}
	number := main.Evidence.PID
	for _, p := range r.Others {
		if p.Role == RoleOther && p.Evidence.PID != number {
			others[p.Evidence.PID] = true
		}
		belongs := p.belongsTo(main, r.Pidfile.Pidfile, kin)
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

// belongsTo reports that a process is of the instance with this main process.
func (p Process) belongsTo(main *Process, pidfile rules.Pidfile, kin map[int]bool) bool {
	e, number := p.Evidence, main.Evidence.PID
	switch {
	case e.PID == number: // itself, where its pidfile is gone already
		return false
	case p.Role == RoleWorker:
		return pidfile.PID == number && kin[number]
	case p.Role == RoleOther || p.Role == RoleForeign:
		return false
	}
	return kin[e.PPID] && !rules.AdoptedBy(e, main.Evidence) || kin[e.Group] || kin[e.Session]
}

// passedOn reports that the number of a process belongs to another by now.
func (h *host) passedOn(p *Process) (bool, error) {
	stat, err := h.ReadStat(p.Evidence.PID)
	if err != nil { // nobody has it
		return false, fact.Unforeseen(err)
	}
	return stat.Start != p.Evidence.StartTicks, nil
}
