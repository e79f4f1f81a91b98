package matcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
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
	Instances []Listed // the known ones first, then by pidfile
	Daemons   []Strays // by path
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
	// Workers counts those of Main; not known unless /proc was searched for them.
	Workers Fact[int]
}

// Unseen reports that nothing but the number could be read of the process that the
// pidfile names.
func (l Listed) Unseen() bool {
	return l.Verdict == Unknown && l.Rule == RuleUnreadable && l.Main != nil && l.Main.Evidence.Exe.State != Known
}

// Strays are the processes that run a daemon and that no pidfile accounts for, by
// PID. Of one that is left over from an instance, Instance is its stale pidfile.
type Strays struct {
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
	inventory, err, inTime := within(ctx, func() (Inventory, error) { return h.takeInventory(ctx, s) })
	if !inTime {
		return Inventory{}, fmt.Errorf("%w: no answer in time while %s", ErrNoAnswer, h.lastStep())
	}
	return inventory, err
}

func (h *host) takeInventory(ctx context.Context, s Search) (Inventory, error) {
	var all Inventory
	if err := h.open(); err != nil {
		return all, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	var pidfiles []string
	for _, in := range s.Known {
		pidfiles = append(pidfiles, in.Pidfile)
	}
	h.registered = func() ([]string, int) { return pidfiles, 0 }
	h.walked = h.walkPidfiles()
	all.Missed = h.walked.missed
	for i, in := range s.Known {
		all.Instances = append(all.Instances, Listed{Report: h.pidfileAlone(ctx, in), Known: i})
	}
	for _, p := range h.walked.all {
		if !slices.ContainsFunc(s.Known, func(in Instance) bool { return (Pidfile{Path: in.Pidfile}).sameAs(p) }) {
			all.add(h.instanceOf(ctx, p), p)
		}
	}
	all.merge()
	if s.Keep != nil {
		all.Instances = slices.DeleteFunc(all.Instances, func(l Listed) bool { return !s.Keep(l) })
	}
	return all, h.findStrays(&all, s)
}

// pidfileAlone is check without a look at other processes.
func (h *host) pidfileAlone(ctx context.Context, in Instance) Report {
	if where, mayHang := MayHang(in.Daemon, in.Pidfile); mayHang {
		report := unread(in)
		report.Rule, report.Reason = RuleUnreadable, "it lies on "+where+", which may not answer; ask with check"
		return report
	}
	in.Unclaimed, in.Others = CountNone, false
	report, err := h.check(ctx, in)
	if err != nil {
		report.Verdict, report.Rule, report.Reason = Unknown, RuleUnreadable, err.Error()
	}
	return report
}

// instanceOf tells what a pidfile stands for that nobody registered: first whether
// the number still is that of its writer, then by the file that this one runs.
func (h *host) instanceOf(ctx context.Context, p Pidfile) Listed {
	in := Instance{Pidfile: p.Path, criteria: Criteria{Pidfile: p.Path}}
	listed := Listed{Report: h.pidfileAlone(ctx, in), Known: -1}
	if listed.Main == nil || listed.Main.Evidence.Life != Alive || listed.Main.Decision.Outcome == NotThis {
		return listed
	}
	if listed.Main.Evidence.Exe.State != Known && listed.Verdict == Running {
		listed.Verdict, listed.PidfileVerdict, listed.Rule = Unknown, Unknown, RuleUnreadable
		listed.Reason = "its executable cannot be read; " + listed.Main.Evidence.remedy()
		return listed
	}
	// What it runs proves nothing about whose the number is: that was asked before.
	for _, program := range h.programs(listed.Main.Evidence) {
		proven := h.pidfileAlone(ctx, Instance{Daemon: program, Pidfile: p.Path})
		if proven.Verdict == Running && listed.Verdict == Running {
			listed.Report = proven
			break
		}
		listed.Daemon = proven.Daemon
	}
	return listed
}

// programs are the daemons that a process may be said to run, the likeliest first:
// the script of an interpreter, the link that one of several programs in a file was
// started by, and its executable.
func (h *host) programs(e Evidence) (paths []string) {
	if e.Exe.State != Known {
		return nil
	}
	exe := e.Exe.Value.onDisk()
	if _, mayHang := MayHang(exe); mayHang {
		return nil
	}
	if RunsAnything(exe) {
		argv := h.readArgv(e.PID)
		e.Argv = argv
		for _, word := range (Daemon{}).scriptWords(e) {
			if file := h.scriptFile(e.PID, word); file.State == Known && filepath.IsAbs(word) && fileID(word) == file.Value {
				paths = append(paths, filepath.Clean(word))
			}
		}
		if link := h.lookPath(argv0Base(argv.Value)); link != "" && fileID(link) == e.Exe.Value.ID {
			paths = append(paths, link)
		}
	}
	return append(paths, exe)
}

// onDisk is the path that the running file has, or had before it was replaced.
func (x Exe) onDisk() string {
	paths := x.paths()
	if x.ID.Known() && fileID(paths[0]) == x.ID {
		return paths[0]
	}
	return paths[len(paths)-1]
}

// RunsAnything reports that what runs such a file has nothing in common: interpreters,
// busybox.
func RunsAnything(path string) bool {
	base := filepath.Base(path)
	return isInterpreter(base) || strings.HasSuffix(base, "box")
}

func (all *Inventory) add(l Listed, p Pidfile) {
	switch {
	case l.Rule == RuleForeign:
		all.Contained = append(all.Contained, p.Path)
	case l.Pidfile.State == PidfileAbsent: // removed since
	case l.Pidfile.State == PidfileGarbage && !namedPidfile(p.Path): // "rapid.conf"
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
		at, seen := first[l.Pidfile.PID]
		switch {
		case l.Verdict != Running && !l.Unseen():
		case seen && l.Known < 0:
			if kept := &merged[at]; kept.Known < 0 && !kept.Pidfile.roots() && l.Pidfile.roots() {
				l.Also, kept.Also = kept.Also, nil
				*kept, l = l, *kept
			}
			merged[at].Also = append(merged[at].Also, l.Pidfile.Path)
			continue
		case !seen:
			first[l.Pidfile.PID] = len(merged)
		}
		merged = append(merged, l)
	}
	all.Instances = merged
}

// roots reports that only root can have put it there.
func (p Pidfile) roots() bool { return p.Owner == 0 && len(p.LinkOwners) == 0 }

// findStrays searches /proc once for each daemon that is meant, and counts the
// workers of its instances on the way.
func (h *host) findStrays(all *Inventory, s Search) error {
	for _, name := range s.Daemons {
		d, err := h.findDaemon(name)
		if errors.Is(err, ErrDaemon) {
			continue // it is the caller's to say so
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
		all.mean(d)
	}
	for _, l := range all.Instances {
		meant := l.Known >= 0 || l.Verdict == Running && !l.Daemon.unnamed() && !RunsAnything(l.Daemon.Path)
		if meant && l.Daemon.File.State != Unread {
			all.mean(l.Daemon)
		}
	}
	slices.SortFunc(all.Daemons, func(a, b Strays) int { return strings.Compare(a.Daemon.Path, b.Daemon.Path) })
	left := all.left()
	for i := range all.Daemons {
		strays := &all.Daemons[i]
		found, err := h.scan(strays.Daemon, Criteria{}, false)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
		pidfiles, _ := h.otherPidfiles(Pidfile{})
		assignRoles(found, 0, 0, all.claimed(acceptClaims(found, pidfiles)))
		found.release()
		strays.Blind = found.blind
		all.countWorkers(found.found)
		for _, p := range found.found {
			if p.Role != RoleUnclaimed && p.Role != RoleUnclear {
				continue
			}
			if pidfile := cmp.Or(left[p.Evidence.Group], left[p.Evidence.Session]); p.Role == RoleUnclaimed && pidfile != "" {
				p.Role, p.Instance = RoleLeftover, pidfile
			}
			if s.Sockets {
				p.Sockets = h.listening(p.Evidence.PID)
			}
			strays.Processes = append(strays.Processes, p)
		}
	}
	return nil
}

// claimed adds the main processes of what runs: a pidfile that is older than its
// process (the clock was set) claims it no less.
func (all *Inventory) claimed(claims map[int]string) map[int]string {
	for _, l := range all.Instances {
		if _, taken := claims[l.Pidfile.PID]; !taken && l.Verdict == Running {
			claims[l.Pidfile.PID] = l.Pidfile.Path
		}
	}
	return claims
}

// mean adds a daemon, unless it is there under this or another path.
func (all *Inventory) mean(d Daemon) {
	if !slices.ContainsFunc(all.Daemons, func(s Strays) bool {
		return s.Daemon.Path == d.Path || !s.Daemon.aliased() && !d.aliased() && s.Daemon.Real == d.Real
	}) {
		all.Daemons = append(all.Daemons, Strays{Daemon: d})
	}
}

// left are the stale pidfiles by the PID that they name in vain.
func (all *Inventory) left() map[int]string {
	stale := map[int]string{}
	for _, l := range all.Instances {
		if l.Main != nil && l.Verdict == Dead && (l.Main.Evidence.Life == Gone || l.Main.Evidence.Life == Zombie) {
			stale[l.Pidfile.PID] = l.Pidfile.Path
		}
	}
	return stale
}

func (all *Inventory) countWorkers(found []Process) {
	workers, owner := map[string]int{}, map[int]string{}
	for _, p := range found {
		if p.Role == RoleOther && p.Main {
			owner[p.Evidence.PID] = p.Instance
		} else if p.Role == RoleOther {
			workers[p.Instance]++
		}
	}
	for i := range all.Instances {
		l := &all.Instances[i]
		if pidfile, claimed := owner[l.Pidfile.PID]; claimed && l.Verdict == Running && !l.Daemon.unnamed() {
			l.Workers = known(workers[pidfile])
		}
	}
}
