package matcher

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// Search says what TakeInventory looks for.
type Search struct {
	// Known are instances that are listed whether they run or not, in this order.
	Known []Instance
	// Further are paths of pidfiles that init scripts name: instances, too, where they lead to
	// one.
	Further []string
	// Daemons are further ones whose unclaimed processes are looked for.
	Daemons []string
	// Keep leaves out the others, and what runs their daemons; nil: all are kept.
	Keep func(Listed) bool
	// Sockets: also what they listen on.
	Sockets bool
}

// Inventory is every instance that the trusted pidfiles under /run and the known
// ones show, and what runs their daemons beside them.
type Inventory struct {
	Instances []Listed      // the known ones first, then by pidfile
	Daemons   []Unaccounted // by path
	// Missed counts pidfiles and directories under /run that could not be read.
	Missed int
	// Contained are pidfiles that name a process of another PID namespace, as
	// container runtimes write them: no instances of this host.
	Contained []string
}

// Listed is one instance.
type Listed struct {
	// Report is Check's of the pidfile alone. Daemon.Path is "" where nobody knows
	// which daemon is meant: of a stale pidfile, or where what runs cannot be seen.
	Report
	// Known is the instance's place in Search.Known, -1 if it is none of them.
	Known int
	// Also are further pidfiles that name the same process.
	Also []string
	// Workers counts those of Main; nil unless /proc was searched for them.
	Workers *int
	// Sockets are those that Main listens on, or else its workers.
	Sockets fact.Fact[[]fact.Socket]

	workers []int
}

// Unseen reports that nothing but the number could be read of the process that the
// pidfile names.
func (l Listed) Unseen() bool {
	return l.Verdict == Unknown && l.Rule == rules.RuleUnreadable && l.Main != nil && l.Main.Evidence.Exe.State != fact.Known
}

// Unaccounted are the processes that run a daemon and that no pidfile accounts for, by
// PID. Of one that is left over from an instance, Instance is its stale pidfile.
type Unaccounted struct {
	Daemon    Daemon
	Processes []*Process
	Blind     string // why there may be more; "" when all were seen
	// Titled are those, by PID, that do not go by the daemon's name any more, as a session of
	// sshd or a job of cron does not.
	Titled map[int]bool
}

// TakeInventory reads the pidfiles under /run (see ParsePID), those of s.Known, the
// processes that they name, and, once for each daemon, all of /proc. An error means
// that there is no answer (ErrNoAnswer); what could not be told of one instance is
// its verdict.
func TakeInventory(ctx context.Context, s Search) (Inventory, error) {
	h := thisHost()
	inventory, err, inTime := kernel.Within(ctx, h.System, func() (Inventory, error) { return h.takeInventory(ctx, s) })
	if !inTime {
		return Inventory{}, fmt.Errorf("%w: no answer in time while %s", ErrNoAnswer, h.LastStep())
	}
	return inventory, err
}

func (h *host) takeInventory(ctx context.Context, s Search) (Inventory, error) {
	var all Inventory
	if err := h.Open(); err != nil {
		return all, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	var pidfiles []string
	for _, in := range s.Known {
		pidfiles = append(pidfiles, in.Pidfile)
	}
	h.registered, h.further = func() ([]string, int) { return pidfiles, 0 }, s.Further
	walk := h.walk()
	if walk.failure != nil {
		return all, fmt.Errorf("%w: pidfiles cannot be read: %w", ErrNoAnswer, walk.failure)
	}
	all.Missed = walk.allMissed()
	all.Instances = make([]Listed, len(s.Known))
	kernel.Spread(len(s.Known), func(i int) {
		all.Instances[i] = Listed{Report: h.pidfileAlone(ctx, s.Known[i]), Known: i}
	})
	known := map[fact.FileID]bool{}
	for _, l := range all.Instances {
		known[l.Pidfile.ID] = l.Pidfile.ID.Known()
	}
	listed := make([]Listed, len(walk.all))
	kernel.Spread(len(listed), func(i int) {
		if p := walk.all[i]; !known[p.ID] {
			listed[i] = h.instanceOf(p)
		}
	})
	for i, p := range walk.all {
		if l := listed[i]; l.Pidfile.Path != "" {
			all.add(l, p)
		}
	}
	all.merge()
	if s.Keep != nil {
		all.Instances = slices.DeleteFunc(all.Instances, func(l Listed) bool { return !s.Keep(l) })
	}
	err := h.findUnaccounted(&all, s)
	if err == nil && s.Sockets {
		h.listen(all.Instances)
	}
	return all, err
}

// workersAsked is of how many workers it is asked what they listen on, where their main
// process does not.
const workersAsked = 64

// listen reads what the instances listen on that run.
func (h *host) listen(instances []Listed) {
	var mains, workers []int
	for _, l := range instances {
		if l.Verdict == Running {
			mains = append(mains, l.Main.Evidence.PID)
		}
	}
	listening := h.ListeningOf(mains)
	for i := range instances {
		if l := &instances[i]; l.Verdict == Running {
			l.Sockets = listening[l.Main.Evidence.PID]
			l.workers = l.workers[:min(len(l.workers), workersAsked)]
			if len(l.Sockets.Value) > 0 {
				l.workers = nil
			}
			workers = append(workers, l.workers...)
		}
	}
	listening = h.ListeningOf(workers)
	for i := range instances {
		l := &instances[i]
		seen := map[fact.Socket]bool{}
		for _, pid := range l.workers {
			for _, s := range listening[pid].Value {
				if !seen[s] {
					seen[s], l.Sockets.Value = true, append(l.Sockets.Value, s)
				}
			}
		}
	}
}

// pidfileAlone is check without a look at other processes.
func (h *host) pidfileAlone(ctx context.Context, in Instance) Report {
	refused := func(where string) Report {
		report := unread(in)
		report.Rule, report.Reason = rules.RuleUnreadable, "it lies on "+where+", which may not answer; ask with check"
		return report
	}
	if where, mayHang := h.MayHang(in.Daemon); mayHang {
		return refused(where)
	}
	p := h.readPatiently(ctx, func() rules.Pidfile { return h.readEntering(in.Pidfile) })
	if errors.Is(p.Err, fact.ErrMayHang) {
		if where, mayHang := h.MayHang(in.Pidfile); mayHang {
			return refused(where)
		}
		return refused("a file system")
	}
	return h.alone(in, p)
}

// alone is what a pidfile that was read, and its process, say.
func (h *host) alone(in Instance, p rules.Pidfile) Report {
	return h.aloneAs(in, p, func() (rules.Daemon, error) { return h.findDaemon(in.Daemon) })
}

func (h *host) aloneAs(in Instance, p rules.Pidfile, find func() (rules.Daemon, error)) Report {
	r := unread(in)
	r.Pidfile.Pidfile = p
	var err error
	if in.Daemon != "" {
		r.Daemon, err = find()
	}
	if err == nil {
		_, err = h.askPidfile(&r, in)
		r.PidfileVerdict = r.Verdict
	}
	r.Release()
	if err != nil {
		r.Verdict, r.PidfileVerdict, r.Rule, r.Reason = Unknown, Unknown, rules.RuleUnreadable, err.Error()
	}
	return r
}

func (all *Inventory) add(l Listed, p rules.Pidfile) {
	switch {
	case l.Rule == rules.RuleForeign:
		all.Contained = append(all.Contained, p.Path)
	case l.Pidfile.State == rules.PidfileAbsent: // removed since
	case l.Pidfile.State == rules.PidfileGarbage && !namedPidfile(p.Path): // "rapid.conf"
	default:
		all.Instances = append(all.Instances, l)
	}
}

// namedPidfile: its name says that it is one, whatever it holds.
func namedPidfile(path string) bool {
	base := strings.ToLower(filepath.Base(path))
	return base == "pid" || strings.HasSuffix(base, ".pid") || strings.HasSuffix(base, ".pidfile")
}

// merge makes one of several pidfiles for one process (docker.pid and
// docker-ssd.pid): the first stays, which a registration is; but for root's pidfile it
// makes room, or the daemon's user could rename root's instance by one of his own.
func (all *Inventory) merge() {
	first := map[int]int{} // by the PID of the main process
	merged := all.Instances[:0]
	for _, l := range all.Instances {
		pid := 0
		if pids := l.PIDs(); len(pids) > 0 {
			pid = pids[0]
		}
		at, seen := first[pid]
		switch {
		case l.Verdict != Running && !l.Unseen():
		case seen && l.Known < 0:
			if kept := &merged[at]; kept.Known < 0 && !kept.Pidfile.Roots() && l.Pidfile.Roots() {
				l.Also, kept.Also = kept.Also, nil
				*kept, l = l, *kept
			}
			merged[at].Also = append(merged[at].Also, l.Pidfile.Path)
			continue
		case !seen:
			first[pid] = len(merged)
		}
		merged = append(merged, l)
	}
	all.Instances = merged
}
