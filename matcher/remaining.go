package matcher

import (
	"context"
	"fmt"
)

// Rest is what there is of an instance besides its main process.
type Rest struct {
	// Left are its workers, and what it forked while it ended. They are held; the
	// caller must Release each.
	Left []Process
	// Others are the PIDs that another instance's pidfile accounts for.
	Others map[int]bool
}

// Remaining finds what is left of an instance whose main process is held, and may
// have ended: what runs the daemon, no other pidfile accounts for, and has main as
// its ancestor, or as the leader of its process group or session, whose number no
// other process can have meanwhile. An error means that there may be more.
func Remaining(ctx context.Context, in Instance, main *Process) (Rest, error) {
	in.Hold, in.Others, in.Sockets, in.Unclaimed = true, true, false, CountAny
	h := thisHost()
	rest := Rest{Others: map[int]bool{}}
	r, err, inTime := within(ctx, func() (Report, error) { return h.check(ctx, in) })
	switch {
	case !inTime:
		return rest, fmt.Errorf("%w: no answer in time while %s", ErrNoAnswer, h.lastStep())
	case err != nil:
		return rest, err
	case r.Blind != "":
		r.Release()
		return rest, fmt.Errorf("%w: %s", ErrNoAnswer, r.Blind)
	case h.passedOn(main):
		r.Release()
		return rest, nil
	}
	if r.Main != nil {
		r.Main.Release()
	}
	number := main.Evidence.PID
	for _, p := range r.Others {
		if p.Role == RoleOther && p.Evidence.PID != number {
			rest.Others[p.Evidence.PID] = true
		}
		if p.belongsTo(main, r.Pidfile) {
			rest.Left = append(rest.Left, p)
			continue
		}
		p.Release()
	}
	return rest, nil
}

// belongsTo reports that a process is of the instance with this main process.
func (p Process) belongsTo(main *Process, pidfile Pidfile) bool {
	e, number := p.Evidence, main.Evidence.PID
	switch {
	case e.PID == number: // itself, where its pidfile is gone already
		return false
	case p.Role == RoleWorker:
		return pidfile.PID == number
	case p.Role != RoleUnclaimed && p.Role != RoleLeftover:
		return false
	}
	return e.PPID == number && !e.adoptedBy(main.Evidence) || e.Group == number || e.Session == number
}

// passedOn reports that the number of a process belongs to another by now.
func (h *host) passedOn(p *Process) bool {
	proc, err := h.fs.Proc(p.Evidence.PID)
	if err != nil {
		return false // nobody has it
	}
	stat, err := readStat(proc)
	return err == nil && stat.Starttime != p.Evidence.StartTicks
}
