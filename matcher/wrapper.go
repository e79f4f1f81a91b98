package matcher

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/rules"
)

// below finds who below a process runs the daemon. It looks at all processes: only a
// process that may be a wrapper is asked for.
func (h *host) below(d rules.Daemon, pid int) fact.Fact[[]fact.Below] {
	s, err := h.scan(d, rules.Criteria{}, false)
	if err == nil {
		err = s.failure
	}
	if err != nil {
		return fact.Fact[[]fact.Below]{State: fact.Unreadable, Err: err}
	}
	return fact.Of(s.below(pid))
}

// below are those of a survey that descend from a process, the topmost of each branch.
func (s survey) below(pid int) (found []fact.Below) {
	runs := map[int]bool{}
	for _, p := range s.found {
		runs[p.Evidence.PID] = p.mayWork()
	}
	for _, p := range s.found {
		if e := p.Evidence; p.mayWork() && s.topmost(e.PID, pid, runs) {
			found = append(found, fact.Below{
				PID: e.PID, StartTicks: e.StartTicks, UID: e.UID, EUID: e.EUID,
				Proven: p.Role != RoleUnclear && p.Decision.Outcome == rules.Runs,
			})
		}
	}
	return found
}

// mayWork reports of a process of a survey that it runs the daemon, or may do: not that of
// another container, nor one of which nothing is known.
func (p Process) mayWork() bool {
	return p.Decision.Outcome == rules.Runs || p.Decision.Outcome == rules.Plausible
}

// topmost reports that a process descends from another, and from nobody else before that
// runs the daemon.
func (s survey) topmost(pid, under int, runs map[int]bool) bool {
	for at, hops := s.parents[pid], 0; at > 1 && hops < fact.MaxAncestors; at, hops = s.parents[at], hops+1 {
		switch {
		case at == under:
			return true
		case runs[at]:
			return false
		}
	}
	return false
}

// ManyBelow reports that the pidfile names a wrapper, but not which process below it is
// meant, or not for certain: the daemon runs, and is not to be acted on.
func (r *Report) ManyBelow() bool {
	return r.Rule == rules.RuleWrapper && r.Main != nil && r.Main.Decision.Outcome == rules.Plausible
}

// becameAnother reports of a wrapper that it has executed another program, or became another
// user, while those below it were looked for: su does, and it was root's before.
func (h *host) becameAnother(p *Process) bool {
	if p.Decision.Rule != rules.RuleWrapper {
		return false
	}
	now, err := h.Collect(p.held)
	e := &p.Evidence
	return err != nil || now.Life != fact.Alive || now.UID != e.UID || now.EUID != e.EUID || now.Comm != e.Comm ||
		now.Exe.State != e.Exe.State || now.Exe.Value.ID != e.Exe.Value.ID
}

var errChanged = errors.New("it has changed while it was looked at; ask again")

// unwrap makes the process below a wrapper the main process, if it still is who it was.
func (h *host) unwrap(r *Report, in Instance) error {
	if h.becameAnother(r.Main) {
		return fmt.Errorf("process %d: %w", r.Main.Evidence.PID, errChanged)
	}
	b := r.Pidfile.StartedBy(r.Main.Evidence)[0]
	p, err := h.hold(rules.Question{Daemon: r.Daemon}, b.PID)
	if err == nil && (p.Evidence.StartTicks != b.StartTicks || p.Decision.Outcome != rules.Runs) {
		err = fmt.Errorf("%d runs the daemon below %d: %w", b.PID, r.Main.Evidence.PID, errChanged)
	}
	if err != nil {
		p.Release()
		return err
	}
	if !in.Hold {
		p.Release()
	}
	p.Role = RoleMain
	r.Wrapper, r.Main = r.Main, &p
	return nil
}

// wrappersIn adds the claims of other instances' pidfiles that name a wrapper of what was
// found: by the PID of whom it started.
func (h *host) wrappersIn(s survey, d rules.Daemon, own rules.Pidfile, claims map[int]string) {
	runs := map[int]bool{}
	for _, p := range s.found {
		runs[p.Evidence.PID] = p.mayWork()
	}
	asked := map[int]bool{}
	for _, p := range s.found {
		if _, claimed := claims[p.Evidence.PID]; claimed || !p.mayWork() {
			continue
		}
		for at, hops := s.parents[p.Evidence.PID], 0; at > 1 && hops < fact.MaxAncestors && !runs[at]; at, hops = s.parents[at], hops+1 {
			if asked[at] {
				continue
			}
			asked[at] = true
			if pidfiles := h.walk().naming(at, own); len(pidfiles) > 0 {
				h.claimBelow(s, d, at, pidfiles, claims)
			}
		}
	}
}

// claimBelow adds the claim of the first of these pidfiles that name a process as the
// wrapper of one below it.
func (h *host) claimBelow(s survey, d rules.Daemon, pid int, pidfiles []rules.Pidfile, claims map[int]string) {
	p, err := h.meet(pid)
	defer p.Release()
	if err == nil && p.Evidence.Life != fact.Alive {
		return
	}
	if err != nil {
		s.doubtBelow(pid, err)
		return
	}
	p.Evidence.Argv = h.ReadArgv(pid)
	p.Evidence.Below = fact.Of(s.below(pid))
	for _, f := range pidfiles {
		if !d.StandsFor(p.Evidence, f.Path) {
			if untold := p.Evidence.Argv.Err; !errors.Is(untold, fact.ErrUntold) { // as anybody may have it
				err = cmp.Or(err, fact.Unforeseen(untold))
			}
			continue
		}
		decided := p
		failed := h.decideOn(rules.Question{Daemon: d, Pidfile: f}, &decided)
		if failed == nil && decided.Decision.Rule == rules.RuleWrapper && decided.Decision.Outcome == rules.Runs {
			claims[f.StartedBy(p.Evidence)[0].PID] = f.Path
			return
		}
		err = cmp.Or(err, failed, h.fault(decided))
	}
	if err != nil {
		s.doubtBelow(pid, err)
	}
}

// doubtBelow: whether a process is the wrapper of those below it could not be found out.
func (s survey) doubtBelow(pid int, why error) {
	below := s.below(pid)
	for _, p := range s.found {
		if slices.ContainsFunc(below, func(b fact.Below) bool { return b.PID == p.Evidence.PID }) {
			p.doubt(why)
		}
	}
}
