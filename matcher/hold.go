package matcher

import (
	"context"
	"syscall"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
)

// ErrNotHeld: the process was not held, or was let go of.
var ErrNotHeld = kernel.ErrReleased

// Signal sends sig to a held process: to the one that was judged, or to nobody. ESRCH
// means that it has ended, EPERM that it is not ours to signal.
func (p *Process) Signal(sig syscall.Signal) error {
	if p.Ended() {
		return syscall.ESRCH
	}
	return p.held.Signal(sig)
}

// Ended reports that a held process has ended: all its threads, while its parent
// may not have collected it yet. Of one that is not held it cannot tell.
func (p *Process) Ended() bool { return p.Evidence.Life.Over() || p.held.Over() }

// Release lets go of a process; it may no longer be signalled or awaited.
func (p *Process) Release() {
	p.held.Release()
	p.held = nil
}

// Release lets go of every process of the report.
func (r *Report) Release() {
	for _, p := range r.looked() {
		p.Release()
	}
	for _, p := range r.Others {
		p.Release()
	}
}

// Living are the held processes of the report that run the daemon, or that the
// pidfile names, and have not ended. Other instances' and containers' are not
// among them.
func (r *Report) Living() []*Process {
	var of []*Process
	for _, p := range r.looked() {
		if p.held != nil && p.Evidence.Life != fact.Gone {
			of = append(of, p)
		}
	}
	for _, p := range r.Others {
		if p.held != nil && p.Role != RoleOther && p.Role != RoleForeign {
			of = append(of, p)
		}
	}
	return living(of)
}

// AwaitEnd waits until all these held processes have ended, or ctx has, and gives those
// that have not ended.
func AwaitEnd(ctx context.Context, of []*Process) []*Process {
	for {
		of = living(of)
		if len(of) == 0 || ctx.Err() != nil {
			return of
		}
		kernel.AwaitEvent(ctx, handles(of), -1)
	}
}

func living(of []*Process) (left []*Process) {
	for _, p := range of {
		if !p.Ended() {
			left = append(left, p)
		}
	}
	return left
}

func handles(of []*Process) (held []*kernel.Handle) {
	for _, p := range of {
		held = append(held, p.held)
	}
	return held
}

// Watch tells when the answer about a pidfile may have changed: inotify(7) on
// each directory on the way to it, so that neither the file nor its directory
// needs to be there yet.
type Watch struct{ watch *kernel.Watch }

// NewWatch watches nothing yet: see Arm.
func NewWatch(pidfile string) *Watch { return &Watch{kernel.NewWatch(pidfile)} }

// Close ends the watch.
func (w *Watch) Close() { w.watch.Close() }

// Arm watches what is on the way to the pidfile now. It comes before looking:
// what changes after the look is an event then. Directories that are watched
// already stay so.
func (w *Watch) Arm() { w.watch.Arm() }

// Await waits until the pidfile may have changed, or one of these held processes
// ends, or ctx does. It may return before: then look again.
func (w *Watch) Await(ctx context.Context, of []*Process) { w.watch.Await(ctx, handles(of)) }
