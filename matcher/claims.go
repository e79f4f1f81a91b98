package matcher

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// sameAs reports that p lies at our own path, or is our file under another: the
// daemon may have written it since it was read.
func sameAs(own rules.Pidfile, p rules.Pidfile) bool {
	return own.ID.Known() && p.ID == own.ID ||
		own.Path != "" && filepath.Base(p.Path) == filepath.Base(own.Path) && sameDirectory(p.Path, own.Path)
}

func sameDirectory(a, b string) bool {
	return kernel.Same(kernel.Identify(filepath.Dir(a)), kernel.Identify(filepath.Dir(b)))
}

// upgrades reports that p belongs to the same instance, in the middle of a
// binary upgrade: nginx and unicorn rename nginx.pid to nginx.pid.oldbin,
// gunicorn writes gunicorn.pid.2.
func upgrades(own rules.Pidfile, p rules.Pidfile) bool {
	return own.Path != "" &&
		strings.HasPrefix(filepath.Base(p.Path), filepath.Base(own.Path)+".") && sameDirectory(p.Path, own.Path)
}

// claims finds the other trusted pidfiles that name the process, or an ancestor
// of it that runs the daemon, or is their wrapper. Unreadable with a value: there may be more.
func (h *host) claims(d rules.Daemon, own rules.Pidfile, e fact.Evidence) fact.Fact[[]fact.Claim] {
	var out []fact.Claim
	var failure error
	uids := []int{}
	for self, hops := true, 0; hops < fact.MaxAncestors; self, hops = false, hops+1 {
		parent, runs := h.parentRunning(d, e)
		if runs.State == fact.Unreadable {
			failure = fmt.Errorf("its parent cannot be read: %w", runs.Err)
		}
		uids = append(uids, e.UID, e.EUID)
		for _, p := range h.walk().naming(e.PID, own) {
			if ok, _ := p.Vouches(e.UID, e.EUID); !ok || !p.Claims(e) {
				continue
			}
			out = append(out, fact.Claim{
				Pidfile: p.Path, PID: e.PID, Self: self, Written: p.Written,
				Late: rules.Late(e, p), TopLevel: !runs.Value, Upgrade: upgrades(own, p),
			})
		}
		if !runs.Value {
			break
		}
		e = parent
	}
	wrapped, err := h.claimsAbove(d, own, e)
	if out = append(out, wrapped...); err != nil {
		failure = err
	}
	if missed := h.walk().doubt(uids...); missed > 0 {
		failure = fmt.Errorf("pidfiles or directories under /run, or registrations, cannot be read, or hold too much: %d", missed)
	}
	if failure != nil {
		return fact.Fact[[]fact.Claim]{State: fact.Unreadable, Value: out, Err: failure}
	}
	return fact.Of(out)
}

// claimsAbove finds the pidfiles that name the wrapper of a process whose parent does not run
// the daemon. Nobody asks whose the wrapper is in turn: that would be a question for each
// pidfile at each of its ancestors.
func (h *host) claimsAbove(d rules.Daemon, own rules.Pidfile, e fact.Evidence) (found []fact.Claim, failure error) {
	for at, hops := e.PPID, 0; at > 1 && hops < fact.MaxAncestors; hops++ {
		if pidfiles := h.walk().naming(at, own); len(pidfiles) > 0 {
			p, err := h.meet(at)
			p.Release()
			if err != nil {
				return found, fmt.Errorf("process %d above it cannot be read: %w", at, err)
			}
			p.Evidence.Argv = h.ReadArgv(at)
			for _, f := range pidfiles {
				if rules.Wraps(d, f, p.Evidence, e) {
					found = append(found, fact.Claim{Pidfile: f.Path, PID: at, Wrapper: true, Written: f.Written})
				}
			}
		}
		stat, err := h.ReadStat(at)
		if err != nil { // ended: init is the parent by now
			return found, fact.Unforeseen(err)
		}
		at = stat.PPID
	}
	return found, nil
}

// judgeParent is judge, once for a question: a thousand pidfiles may name children of one
// process, and each of its ancestors is asked for as well.
func (h *host) judgeParent(d rules.Daemon, pid int) (fact.Evidence, rules.Decision, error) {
	key := parentOf{d.Path, d.File.Value, pid}
	if known, found := h.parents.Load(key); found {
		p := known.(Process)
		return p.Evidence, p.Decision, nil
	}
	parent, decision, err := h.judge(d, rules.Pidfile{}, pid)
	if err == nil && parent.Life == fact.Alive {
		h.parents.Store(key, Process{Evidence: parent, Decision: decision})
	}
	return parent, decision, err
}

// parentOf is a process of which it was asked whether it runs a daemon.
type parentOf struct {
	daemon string
	file   fact.FileID
	pid    int
}

// parentRunning gives the parent's evidence and whether it runs the daemon, by
// file or by path; where no daemon was given, what the process itself runs.
func (h *host) parentRunning(d rules.Daemon, e fact.Evidence) (fact.Evidence, fact.Fact[bool]) {
	if d.Unnamed() {
		d = rules.DaemonOf(e.Exe.Value)
	}
	if e.PPID < 1 || d.Unnamed() {
		return fact.Evidence{}, fact.Of(false)
	}
	switch other, err := h.runsAnother(d, e.PPID); {
	case err != nil:
		return fact.Evidence{}, fact.Fact[bool]{State: fact.Unreadable, Err: err}
	case other:
		return fact.Evidence{}, fact.Of(false)
	}
	return h.judgedParentRuns(d, e)
}

// runsAnother reports that a glance at a process's link shows another program than the daemon.
func (h *host) runsAnother(d rules.Daemon, pid int) (bool, error) {
	proc, err := h.OpenProc(unix.O_PATH)
	if err != nil {
		return false, err
	}
	defer unix.Close(proc)
	var short [256]byte
	w := h.want([]rules.Daemon{d}, false)
	link, err := kernel.ExeLink(proc, pid, short[:])
	return err == nil && w.sight(link) == 0, nil
}

// judgedParentRuns is parentRunning of a parent that has to be judged.
func (h *host) judgedParentRuns(d rules.Daemon, e fact.Evidence) (fact.Evidence, fact.Fact[bool]) {
	unread := func(err error) (fact.Evidence, fact.Fact[bool]) {
		return fact.Evidence{}, fact.Fact[bool]{State: fact.Unreadable, Err: err}
	}
	parent, decision, err := h.judgeParent(d, e.PPID)
	switch {
	case err != nil:
		return unread(err)
	case parent.Life == fact.Gone:
		if now, err := h.ReadStat(e.PID); err == nil && now.PPID == e.PPID { // else it has another by now
			return unread(unix.ESRCH)
		}
		return fact.Evidence{}, fact.Of(false)
	case rules.AdoptedBy(e, parent):
		return fact.Evidence{}, fact.Of(false)
	}
	if err := h.fault(Process{Evidence: parent, Decision: decision}); err != nil {
		return unread(err)
	}
	if decision.Outcome == rules.Undecided && parent.Exe.State == fact.Unreadable && parent.Life == fact.Alive && parent.AsRoot {
		// As for any process whose executable root may not see, its name decides.
		if argv := h.ReadArgv(e.PPID); d.NameFits(parent.Comm, argv) || h.maybeUnderAnotherName(d, parent.Comm, argv.Value) {
			return unread(parent.Exe.Err)
		}
	}
	return parent, fact.Of(decision.Outcome == rules.Runs || decision.Outcome == rules.Plausible)
}
