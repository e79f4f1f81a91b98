package matcher

import (
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// findOutside tells which of the others are the daemon itself, outside every pidfile.
func (h *host) findOutside(r *Report, in Instance) {
	if walk := h.walk(); walk.failure != nil {
		r.Untold = walk.failure
		return
	}
	ours, err := h.ReadStat(os.Getpid())
	if err != nil {
		r.Untold = err
		return
	}
	above := map[int]bool{}
	parents := map[int]int{}
	r.Untold = h.ancestors(parents, os.Getpid(), ours.PPID)
	for pid := ours.PPID; pid > 1 && !above[pid]; pid = parents[pid] {
		above[pid] = true
	}
	trusted, people := h.writersOf(r.Pidfile.Pidfile, in.As), sync.OnceValues(h.firstPerson)
	may := r.roots(RoleUnclaimed, RoleLeftover)
	if p := r.titled(); p != nil {
		may = append(may, p)
	}
	for _, p := range may {
		if above[p.Evidence.PID] || p.Decision.Outcome != rules.Runs {
			continue
		}
		o, err := h.lookOutside(r.Daemon, in.With, p, trusted(p.Evidence), people)
		switch {
		case err != nil && h.Unforeseen(err) != nil:
			r.Untold = err
		case err != nil:
		case p.Role == RoleLeftover && len(o.Listening) == 0: // its worker, which it has left
		default:
			o.OurSession = p.Evidence.Session == ours.Session
			if is, doubt := o.IsDaemon(); is {
				p.Sockets, p.Doubt = fact.Of(o.Listening), doubt
				r.Outside = append(r.Outside, p)
			}
		}
	}
}

// lookOutside reads what tells a daemon from what daemons leave behind.
func (h *host) lookOutside(d rules.Daemon, with []string, p *Process, trusted bool, people func() (int, error)) (o rules.Outside, err error) {
	e := p.Evidence
	o = rules.Outside{Trusted: trusted, ByTitle: p.ByTitle()}
	if !trusted {
		if e.UID != e.EUID || os.Geteuid() != 0 {
			return o, nil
		}
		first, err := people()
		if o.System = e.UID < first; !o.System || err != nil { // what people run is not worth a look
			return o, err
		}
		if o.Privileged, err = h.Privileged(e.PID); err != nil {
			return o, err
		}
	}
	e.File = h.RunningFile(e)
	argv := h.ReadArgv(e.PID)
	o.Evidence, o.Titled = e, argv.State != fact.Known || !d.Calls(argv.Value)
	o.Program = d.ProgramOf(argv, with)
	listening := h.Listening(e.PID)
	if o.Listening = listening.Value; listening.State != fact.Known {
		return o, listening.Err
	}
	ports, err := h.Connected(e.PID)
	if err != nil {
		return o, err
	}
	o.Serves = slices.ContainsFunc(ports, func(port uint16) bool {
		return !slices.ContainsFunc(o.Listening, func(s fact.Socket) bool { return s.Port() == port })
	})
	if e.Session != e.PID {
		leader, err := h.ReadStat(e.Session)
		o.LeaderLives = err == nil && leader.State != "Z" || err != nil && !fact.Vanished(err)
		parent, err := h.ReadStat(e.PPID)
		o.Orphan = err == nil && parent.Session != e.Session
	}
	o.Busy = h.hasOtherChildren(d, e)
	return o, nil
}

// hasOtherChildren reports that a process has a child that runs something else, or that
// cannot be told.
func (h *host) hasOtherChildren(d rules.Daemon, e fact.Evidence) bool {
	children, err := h.Children(e.PID)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(children, func(pid int) bool {
		_, decision, err := h.judgeParent(d, pid)
		return err != nil || decision.Outcome == rules.NotThis && decision.Rule != rules.RuleGone || decision.Outcome == rules.Undecided
	})
}

// writersOf reports of a process that root started it, or a user who may write the pidfile,
// and so could as well make it name this process.
func (h *host) writersOf(p rules.Pidfile, as []int) func(fact.Evidence) bool {
	us := os.Geteuid()
	if us != 0 { // whose daemon it is
		return func(e fact.Evidence) bool { return e.UID == us && e.EUID == us }
	}
	users := append([]int{0}, as...) // of root's the effective one may be another: at's
	if p.ID.Known() {
		users = append(users, p.Owner)
	}
	st, err := kernel.StatxAt(unix.AT_FDCWD, filepath.Dir(p.Path), 0, unix.STATX_MODE|unix.STATX_UID|unix.STATX_GID)
	group := 0
	if err == nil {
		users = append(users, int(st.Uid))
		if st.Mode&0o020 != 0 && st.Mode&0o002 == 0 {
			group = int(st.Gid)
		}
	}
	return func(e fact.Evidence) bool {
		if e.UID == 0 || slices.Contains(users, e.UID) && slices.Contains(users, e.EUID) {
			return true
		}
		if group == 0 {
			return false
		}
		status, err := h.ReadStatus(e.PID)
		return err == nil && status.GIDs[0] == group && status.GIDs[1] == group
	}
}

// Meeting is the instance of processes that meet these criteria only, as Match has them.
func (in Instance) Meeting(c Criteria) Instance {
	in.criteria = c
	return in
}

// SurelyOutside reports that one of Outside is the daemon without a doubt.
func (r *Report) SurelyOutside() bool {
	return slices.ContainsFunc(r.Outside, func(p *Process) bool { return p.Doubt == "" })
}

// OutsidePIDs are those of Outside.
func (r *Report) OutsidePIDs() (pids rules.PIDs) {
	for _, p := range r.Outside {
		pids = append(pids, p.Evidence.PID)
	}
	return pids
}
