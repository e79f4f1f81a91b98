package matcher

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sort"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/rules"
)

// findUnaccounted searches /proc once for each daemon that is meant, and counts the
// workers of its instances on the way.
func (h *host) findUnaccounted(all *Inventory, s Search) error {
	if err := h.includeMeant(all, s); err != nil || len(all.Daemons) == 0 {
		return err
	}
	daemons := make([]rules.Daemon, len(all.Daemons))
	for i, of := range all.Daemons {
		daemons[i] = of.Daemon
	}
	surveys, err := h.scanAll(daemons, rules.Criteria{}, false)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	left := all.left()
	mains := all.mains()
	at := map[int][]int{}
	for i, l := range all.Instances {
		for _, pid := range l.PIDs() {
			at[pid] = append(at[pid], i)
		}
	}
	for i := range all.Daemons {
		of, found := &all.Daemons[i], surveys[i]
		claims := h.claimsOn(found, rules.Pidfile{}, func(rules.Pidfile) bool { return true })
		h.wrappersIn(found, of.Daemon, rules.Pidfile{}, claims)
		assignRoles(found, rules.Standing{Claims: claimed(claims, mains, found)})
		if of.Blind = found.blind; found.failure != nil {
			of.Blind = found.failure.Error()
		} else {
			all.countWorkers(found.found, at)
		}
		for _, p := range found.found {
			if p.Role != RoleUnclaimed && p.Role != RoleUnclear {
				continue
			}
			if pidfile := cmp.Or(left[p.Evidence.Group], left[p.Evidence.Session]); p.Role == RoleUnclaimed && pidfile != "" {
				p.Role, p.Instance = RoleLeftover, pidfile
			}
			of.Processes = append(of.Processes, p)
		}
	}
	all.onlyOnce()
	h.lookCloser(all, s.Sockets)
	return nil
}

// includeMeant adds the daemons that are asked for, and those of the instances, by path.
func (h *host) includeMeant(all *Inventory, s Search) error {
	for _, name := range s.Daemons {
		d, err := h.findDaemon(name)
		if errors.Is(err, ErrDaemon) {
			continue // it is the caller's to say so
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
		all.include(d)
	}
	brought := map[int]int{}
	for _, l := range all.Instances {
		meant := l.Known >= 0 || l.Verdict == Running && !l.Daemon.Unnamed() && !l.Daemon.RunsAnything()
		if !meant || l.Daemon.File.State == fact.Unread {
			continue
		}
		user := h.brings(l)
		if user != 0 && brought[user] >= usersDaemons {
			continue
		}
		before := len(all.Daemons)
		all.include(l.Daemon)
		brought[user] += len(all.Daemons) - before
	}
	sort.Slice(all.Daemons, func(i, j int) bool { return all.Daemons[i].Daemon.Path < all.Daemons[j].Daemon.Path })
	return nil
}

// usersDaemons is how many daemons are looked for because of the pidfiles of one user. Each
// takes a look at every process that may run it, of which he has as many as he likes.
const usersDaemons = 8

// brings is on whose account an instance's daemon is looked for: root's, that of the user to
// whom root has given a directory, or that of all who write where everybody may.
func (h *host) brings(l Listed) int {
	switch {
	case l.Known >= 0:
		return 0
	case !h.speaksUnasked(l.Pidfile.Pidfile):
		return nobodysOwn
	}
	return l.Pidfile.Owner
}

// onlyOnce leaves what was started by a link of another name to that one, where the file is
// asked about, too.
func (all *Inventory) onlyOnce() {
	byLink := map[int]string{}
	for _, of := range all.Daemons {
		for _, p := range of.Processes {
			if of.Daemon.Aliased() {
				byLink[p.Evidence.PID] = of.Daemon.Real
			}
		}
	}
	for i := range all.Daemons {
		if of := &all.Daemons[i]; !of.Daemon.Aliased() {
			of.Processes = slices.DeleteFunc(of.Processes, func(p *Process) bool { return byLink[p.Evidence.PID] == of.Daemon.Real })
		}
	}
}

// lookCloser says of what no pidfile accounts for what it is called, and what it listens on.
func (h *host) lookCloser(all *Inventory, sockets bool) {
	var pids []int
	for i := range all.Daemons {
		of := &all.Daemons[i]
		of.Titled = map[int]bool{}
		for _, p := range of.Processes {
			pids = append(pids, p.Evidence.PID)
			argv := h.ReadArgv(p.Evidence.PID)
			of.Titled[p.Evidence.PID] = argv.State == fact.Known && len(argv.Value) > 0 && !of.Daemon.Calls(argv.Value)
		}
	}
	if !sockets {
		return
	}
	listening := h.ListeningOf(pids)
	for _, of := range all.Daemons {
		for _, p := range of.Processes {
			p.Sockets = listening[p.Evidence.PID]
		}
	}
}

// mains are the pidfiles of what runs, by PID.
func (all *Inventory) mains() map[int]string {
	mains := map[int]string{}
	for _, l := range all.Instances {
		for _, p := range l.Mains() {
			if _, taken := mains[p.Evidence.PID]; !taken && l.Verdict == Running {
				mains[p.Evidence.PID] = l.Pidfile.Path
			}
		}
	}
	return mains
}

// claimed adds the main processes of what runs: a pidfile that is older than its
// process (the clock was set) claims it no less.
func claimed(claims, mains map[int]string, found survey) map[int]string {
	for _, p := range found.found {
		for pid, hops := p.Evidence.PID, 0; pid > 0 && hops < fact.MaxAncestors; pid, hops = found.parents[pid], hops+1 {
			if _, taken := claims[pid]; !taken && mains[pid] != "" {
				claims[pid] = mains[pid]
			}
		}
	}
	return claims
}

// include adds a daemon, unless it is there under this or another path.
func (all *Inventory) include(d rules.Daemon) {
	if !slices.ContainsFunc(all.Daemons, func(s Unaccounted) bool {
		return s.Daemon.Path == d.Path || !s.Daemon.Aliased() && !d.Aliased() && s.Daemon.Real == d.Real
	}) {
		all.Daemons = append(all.Daemons, Unaccounted{Daemon: d})
	}
}

// left are the stale pidfiles by the PID that they name in vain.
func (all *Inventory) left() map[int]string {
	stale := map[int]string{}
	for _, l := range all.Instances {
		if l.Main != nil && l.Verdict == Dead && l.Main.Evidence.Life.Over() {
			stale[l.Pidfile.PID] = l.Pidfile.Path
		}
	}
	return stale
}

// countWorkers counts those of each main process among what runs a daemon, at being the
// places of the instances by their PID.
func (all *Inventory) countWorkers(found []*Process, at map[int][]int) {
	workers, owner := map[string][]int{}, map[int]string{}
	for _, p := range found {
		if p.Role == RoleOther && p.Main {
			owner[p.Evidence.PID] = p.Instance
		} else if p.Role == RoleOther {
			workers[p.Instance] = append(workers[p.Instance], p.Evidence.PID)
		}
	}
	for pid, pidfile := range owner {
		for _, i := range at[pid] {
			if l := &all.Instances[i]; l.Verdict == Running && !l.Daemon.Unnamed() {
				n := len(workers[pidfile])
				l.Workers, l.workers = &n, workers[pidfile]
			}
		}
	}
}
