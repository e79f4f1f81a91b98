package matcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// Search says what TakeInventory looks for.
type Search struct {
	// Known are instances that are listed whether they run or not, in this order.
	Known []Instance
	// Daemons are further ones whose unclaimed processes are looked for.
	Daemons []string
	// Keep leaves out the others, and what runs their daemons; nil: all are kept.
	Keep func(Listed) bool
	// Sockets: also what unclaimed processes listen on.
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
	Processes []Process
	Blind     string // why there may be more; "" when all were seen
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
	h.registered = func() ([]string, int) { return pidfiles, 0 }
	walk := h.walk()
	if walk.failure != nil {
		return all, fmt.Errorf("%w: pidfiles cannot be read: %w", ErrNoAnswer, walk.failure)
	}
	all.Missed = walk.allMissed()
	listed := make([]Listed, len(s.Known)+len(walk.all))
	kernel.Spread(len(listed), func(i int) {
		if i < len(s.Known) {
			listed[i] = Listed{Report: h.pidfileAlone(ctx, s.Known[i]), Known: i}
		} else if p := walk.all[i-len(s.Known)]; !isKnown(s.Known, p) {
			listed[i] = h.instanceOf(p)
		}
	})
	all.Instances = listed[:len(s.Known):len(s.Known)]
	for i, p := range walk.all {
		if l := listed[len(s.Known)+i]; l.Pidfile.Path != "" {
			all.add(l, p)
		}
	}
	all.merge()
	if s.Keep != nil {
		all.Instances = slices.DeleteFunc(all.Instances, func(l Listed) bool { return !s.Keep(l) })
	}
	return all, h.findUnaccounted(&all, s)
}

func isKnown(known []Instance, p rules.Pidfile) bool {
	return slices.ContainsFunc(known, func(in Instance) bool { return sameAs((rules.Pidfile{Path: in.Pidfile}), p) })
}

// pidfileAlone is check without a look at other processes.
func (h *host) pidfileAlone(ctx context.Context, in Instance) Report {
	where, mayHang := h.MayHang(in.Daemon)
	if !mayHang {
		where, mayHang = h.MayHang(in.Pidfile)
	}
	if mayHang {
		report := unread(in)
		report.Rule, report.Reason = rules.RuleUnreadable, "it lies on "+where+", which may not answer; ask with check"
		return report
	}
	return h.alone(in, h.readPidfile(ctx, in.Pidfile))
}

// guessed is what a process seems to run. Where somebody else can change what lies at the
// path, it is looked at once, step by step: he could lead whoever comes back to it into a
// file system that does not answer.
func (h *host) guessed(program string, x fact.Exe) (rules.Daemon, error) {
	if h.Still || h.OnlyRootLeads(program) {
		return h.findDaemon(program)
	}
	d := rules.DaemonOf(x)
	d.Name = d.Path
	st, err := h.Look(d.Path, 0, kernel.IdentityMask|unix.STATX_NLINK|unix.STATX_UID)
	if err != nil {
		d.File = fact.Failed[fact.FileID](err)
		return d, nil
	}
	d.File, d.Links, d.Owner = fact.Of(kernel.IdOf(st)), uint64(st.Nlink), int(st.Uid)
	return d, nil
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

// instanceOf tells what a pidfile stands for that nobody registered: first whether
// the number still is that of its writer, then by the file that this one runs.
func (h *host) instanceOf(p rules.Pidfile) Listed {
	in := Instance{Pidfile: p.Path, criteria: rules.Criteria{Pidfile: p.Path}}
	listed := Listed{Report: h.alone(in, p), Known: -1}
	if listed.Main == nil || listed.Main.Evidence.Life != fact.Alive || listed.Main.Decision.Outcome == rules.NotThis {
		return h.withoutFirst(listed, p)
	}
	if listed.Main.Evidence.Exe.State != fact.Known && listed.Verdict == Running {
		listed.Verdict, listed.PidfileVerdict, listed.Rule = Unknown, Unknown, rules.RuleUnreadable
		listed.Reason = "its executable cannot be read; " + rules.Remedy(listed.Main.Evidence)
		return listed
	}
	// What it runs proves nothing about whose the number is: that was asked before.
	for _, program := range h.programs(listed.Main.Evidence) {
		proven := h.aloneAs(Instance{Daemon: program, Pidfile: p.Path}, p, func() (rules.Daemon, error) {
			return h.guessed(program, listed.Main.Evidence.Exe.Value)
		})
		// A guess that it was a script, of which nothing is left, is none.
		running := proven.Verdict == Running && proven.Rule != rules.RuleBecame && listed.Verdict == Running && proven.Daemon.File.State != fact.Unreadable
		if running || slices.Contains([]rules.Rule{rules.RuleRecycled, rules.RuleContested, rules.RuleLate, rules.RuleUnreadable}, proven.Rule) {
			listed.Report = proven
			break
		}
		if err := h.untold(proven); err != nil {
			listed.Report = proven
			listed.Verdict, listed.PidfileVerdict, listed.Rule, listed.Reason = Unknown, Unknown, rules.RuleUnreadable, err.Error()
			break
		}
		listed.Daemon = proven.Daemon
	}
	return listed
}

// untold is why it cannot be told whether a process runs what it seems to run: an error that
// says nothing of it.
func (h *host) untold(r Report) error {
	err := h.Unforeseen(r.Daemon.File.Err)
	if r.Main != nil {
		err = cmp.Or(err, h.fault(*r.Main))
	}
	return err
}

// furtherAsked is how many of a pidfile's further numbers are asked what they run.
const furtherAsked = 8

// withoutFirst tells what a pidfile stands for whose first process is over: what runs
// under its next number, if that proves to be the daemon by what it runs.
func (h *host) withoutFirst(listed Listed, p rules.Pidfile) Listed {
	further := p.Numbers().All()[1:]
	for _, pid := range further[:min(len(further), furtherAsked)] {
		met, err := h.meet(pid)
		met.Release()
		if err != nil || met.Evidence.Life != fact.Alive {
			continue
		}
		for _, program := range h.programs(met.Evidence) {
			found := h.aloneAs(Instance{Daemon: program, Pidfile: p.Path}, p, func() (rules.Daemon, error) {
				return h.guessed(program, met.Evidence.Exe.Value)
			})
			if found.Verdict == Running && found.Rule != rules.RuleBecame { // see instanceOf
				listed.Report = found
				return listed
			}
		}
	}
	return listed
}

// programs are the daemons that a process may be said to run, the likeliest first:
// the script of an interpreter, the link that one of several programs in a file was
// started by, and its executable.
func (h *host) programs(e fact.Evidence) (paths []string) {
	if e.Exe.State != fact.Known || e.Tree == fact.OtherPlace && e.UserNS != fact.SamePlace {
		return nil
	}
	exe := h.onDisk(e.Exe.Value)
	if (rules.Daemon{Path: exe}).RunsAnything() {
		argv := h.ReadArgv(e.PID)
		if e.Argv = argv; fact.Unforeseen(argv.Err) != nil {
			return nil
		}
		for _, word := range (rules.Daemon{}).ScriptWords(e) {
			if !filepath.IsAbs(word) {
				continue
			}
			its, ours := h.ScriptFile(e, word), h.LookFor(word, kernel.MaxLinks)
			if kernel.Same(its, ours) {
				paths = append(paths, filepath.Clean(word))
			} else if err := cmp.Or(its.Err, ours.Err); err != nil && !fact.Missing(err) {
				return nil // it may be a script, and its interpreter is not what it runs
			}
		}
		if link, err := h.lookPath(rules.Argv0Base(argv.Value)); err == nil && link != "" && kernel.Identify(link).Value == e.Exe.Value.ID {
			paths = append(paths, link)
		}
	}
	return append(paths, exe)
}

// onDisk is the path that the running file has, or had before it was replaced.
func (h *host) onDisk(x fact.Exe) string {
	paths := rules.PathsOf(x)
	if len(paths) == 1 {
		return paths[0]
	}
	if now := h.LookFor(paths[0], 0); x.ID.Known() && now.State == fact.Known && now.Value == x.ID {
		return paths[0]
	}
	return paths[len(paths)-1]
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

// findUnaccounted searches /proc once for each daemon that is meant, and counts the
// workers of its instances on the way.
func (h *host) findUnaccounted(all *Inventory, s Search) error {
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
	for _, l := range all.Instances {
		meant := l.Known >= 0 || l.Verdict == Running && !l.Daemon.Unnamed() && !l.Daemon.RunsAnything()
		if meant && l.Daemon.File.State != fact.Unread {
			all.include(l.Daemon)
		}
	}
	if len(all.Daemons) == 0 {
		return nil
	}
	slices.SortFunc(all.Daemons, func(a, b Unaccounted) int { return strings.Compare(a.Daemon.Path, b.Daemon.Path) })
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
			if s.Sockets {
				p.Sockets = h.Listening(p.Evidence.PID)
			}
			of.Processes = append(of.Processes, p)
		}
	}
	return nil
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
func (all *Inventory) countWorkers(found []Process, at map[int][]int) {
	workers, owner := map[string]int{}, map[int]string{}
	for _, p := range found {
		if p.Role == RoleOther && p.Main {
			owner[p.Evidence.PID] = p.Instance
		} else if p.Role == RoleOther {
			workers[p.Instance]++
		}
	}
	for pid, pidfile := range owner {
		for _, i := range at[pid] {
			if l := &all.Instances[i]; l.Verdict == Running && !l.Daemon.Unnamed() {
				n := workers[pidfile]
				l.Workers = &n
			}
		}
	}
}
