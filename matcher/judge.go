package matcher

import (
	"fmt"
	"time"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// judge pins one process, reads what the rules ask for, and decides. With the
// zero Pidfile it is one of a scan.
func (h *host) judge(d rules.Daemon, p rules.Pidfile, pid int) (fact.Evidence, rules.Decision, error) {
	held, err := h.hold(rules.Question{Daemon: d, Pidfile: p}, pid)
	held.Release()
	return held.Evidence, held.Decision, err
}

// hold is judge that keeps the process pinned: what was found stays true of
// whom it was found of. One that is about to execute the daemon is looked at again until
// it does.
func (h *host) hold(q rules.Question, pid int) (Process, error) {
	for again := h.Patience(); ; {
		p, err := h.meet(pid)
		if err == nil {
			err = h.decideOn(q, &p)
		}
		if err != nil || !mayBecome(&q, &p, h.Now()) && !h.becameAnother(&p) || !again() {
			return p, err
		}
		p.Release()
	}
}

// forkPatience is how old a fork may be that is expected to execute something.
const forkPatience = 10 * time.Second

// mayBecome reports of a process that its pidfile was written for, but which runs another
// program: it is a fork that has executed nothing yet, as start-stop-daemon's child is
// just after --make-pidfile, or a shell's whose number was written with `echo $!`. On its
// way there it does not sleep, as a worker does that has nothing to do.
func mayBecome(q *rules.Question, p *Process, now time.Time) bool {
	e := &p.Evidence
	return e.Life == fact.Alive && e.Forked && (e.State == "R" || e.State == "D") && q.Pidfile.Path != "" && !q.Daemon.Unnamed() &&
		(p.Decision.Rule == rules.RuleContradicted || p.Decision.Rule == rules.RuleMismatch) &&
		!rules.Late(*e, q.Pidfile) && !rules.WrittenLong(*e, q.Pidfile) && now.Sub(e.Started).Abs() < forkPatience
}

// meet pins a process and collects what the rules need first.
func (h *host) meet(pid int) (Process, error) {
	held, life, err := h.Pin(pid)
	if err == nil && life == fact.Gone {
		held, life, err = h.confirmGone(pid)
	}
	switch {
	case err != nil:
	case life == fact.Thread:
		err = h.confirmThread(pid)
	}
	out := Process{Evidence: fact.Evidence{PID: pid, Life: life, Pin: held.PinnedBy()}, held: held}
	if err == nil && life == fact.Alive {
		out.Evidence, err = h.Collect(held)
	}
	return out, err
}

// confirmGone: that nobody has a number is what lets a second daemon be started, so /proc
// has to say it, too. Else it is that of another by now, who is met.
func (h *host) confirmGone(pid int) (*kernel.Handle, fact.Life, error) {
	stat, err := h.ReadStat(pid)
	if err != nil || kernel.HasEnded(stat) {
		return nil, fact.Gone, fact.Unforeseen(err)
	}
	held, life, err := h.Pin(pid)
	if err == nil && life == fact.Gone {
		if _, err = h.ReadStat(pid); err == nil {
			err = fmt.Errorf("process %d is there and is not there", pid)
		}
	}
	return held, life, fact.Unforeseen(err)
}

// confirmThread: /proc has to say that a number is a thread's, too.
func (h *host) confirmThread(pid int) error {
	status, err := h.ReadStatus(pid)
	if err == nil && status.TGID == pid {
		return fmt.Errorf("process %d is called a thread", pid)
	}
	return fact.Unforeseen(err)
}

// decideOn decides about a process that was met, and reads further what the rules ask for.
func (h *host) decideOn(q rules.Question, p *Process) error {
	start := p.Evidence.StartTicks
	for q.Evidence = p.Evidence; ; {
		decision := rules.Decide(q)
		if decision.Need == 0 {
			p.Evidence, p.Decision = q.Evidence, decision
			return nil
		}
		h.supply(&q, decision.Need)
		if changed, err := p.held.ChangedHands(start); err != nil {
			return err
		} else if changed {
			q.Evidence.Life = fact.Gone
		}
	}
}

// supply reads the facts the rules asked for. Each is set to something other
// than Unread, so the rules ask once.
func (h *host) supply(q *rules.Question, n rules.FactSet) {
	e := &q.Evidence
	if n&rules.NeedArgv != 0 {
		e.Argv = h.ReadArgv(e.PID)
	}
	if n&rules.NeedScript != 0 {
		e.Scripts = h.scriptFiles(q.Daemon, *e)
	}
	if n&rules.NeedFilesystem != 0 {
		e.Filesystem = h.FilesystemOf(*e, q.Daemon.Mount, q.Daemon.DirDev)
	}
	home := fact.FileID{Dev: q.Daemon.DirDev, Ino: q.Daemon.DirIno}
	if n&rules.NeedBeside != 0 {
		e.Beside = h.Leads(*e, rules.PathOf(e.Exe.Value), 0, home, q.Daemon.RealBase())
	}
	if n&rules.NeedCalledBeside != 0 {
		e.CalledBeside = h.Leads(*e, q.Daemon.CalledAs(*e), kernel.MaxLinks, home, q.Daemon.RealBase())
	}
	if n&rules.NeedFile != 0 {
		e.File = h.RunningFile(*e)
	}
	if n&rules.NeedLocks != 0 {
		e.Locks = h.HoldsLock(e.PID, q.Pidfile.ID)
	}
	if n&rules.NeedBelow != 0 {
		e.Below = h.below(q.Daemon, e.PID)
	}
	if n&rules.NeedParent != 0 {
		_, e.ParentRuns = h.parentRunning(q.Daemon, *e)
	}
	if n&rules.NeedClaims != 0 {
		e.Claims = h.claims(q.Daemon, q.Pidfile, *e)
	}
	if n&rules.NeedClock != 0 {
		e.Clock = h.clock(q.Pidfile, *e)
	}
}

// scriptFiles identifies what may be the script of an interpreter. The result is never nil.
func (h *host) scriptFiles(d rules.Daemon, e fact.Evidence) []fact.ScriptFile {
	files := []fact.ScriptFile{}
	for _, word := range d.ScriptWords(e) {
		file := h.ScriptFile(e, word)
		if file.State == fact.Unreadable && e.Root == fact.SamePlace && e.Tree == fact.SamePlace && d.NamesPath(word) {
			file = d.File // not to be seen through /proc/PID/root, but that is our root
		}
		files = append(files, fact.ScriptFile{Word: word, File: file})
	}
	return files
}
