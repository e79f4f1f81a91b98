package matcher

import "context"

// Remaining finds what is left of an instance besides its main process, which is
// held and may have ended: its workers, and what it forked while it ended. They
// run the daemon, no pidfile accounts for them, and main is their ancestor, or
// the leader of their process group or session, whose number no other process
// can have meanwhile. They are held; the caller must Release each.
func Remaining(ctx context.Context, in Instance, main *Process) []Process {
	in.Hold, in.Others, in.Sockets, in.Unclaimed = true, true, false, CountAny
	h := thisHost()
	r, err, inTime := within(ctx, func() (Report, error) { return h.check(ctx, in) })
	if err != nil || !inTime || h.passedOn(main) {
		r.Release()
		return nil
	}
	if r.Main != nil {
		r.Main.Release()
	}
	var left []Process
	number := main.Evidence.PID
	for _, p := range r.Others {
		switch e := p.Evidence; {
		case e.PID == number:
			p.Release() // itself, where its pidfile is gone already
		case p.Role == RoleWorker && r.Pidfile.PID == number,
			(p.Role == RoleUnclaimed || p.Role == RoleLeftover) && (e.PPID == number || e.Group == number || e.Session == number):
			left = append(left, p)
		default:
			p.Release()
		}
	}
	return left
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
