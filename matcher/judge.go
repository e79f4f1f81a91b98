package matcher

import (
	"fmt"
	"time"
)

// judge pins one process, reads what the rules ask for, and decides. With the
// zero Pidfile it is one of a scan.
func (h *host) judge(d Daemon, p Pidfile, pid int) (Evidence, Decision, error) {
	held, err := h.hold(question{daemon: d, pidfile: p}, pid)
	held.Release()
	return held.Evidence, held.Decision, err
}

// hold is judge that keeps the process pinned: what was found stays true of
// whom it was found of. One that is about to execute the daemon is looked at again until
// it does.
func (h *host) hold(q question, pid int) (Process, error) {
	for again := h.patience(); ; {
		p, err := h.meet(pid)
		if err == nil {
			p, err = h.decideOn(q, p)
		}
		if err != nil || !mayBecome(q, p, h.now()) || !again() {
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
func mayBecome(q question, p Process, now time.Time) bool {
	e := p.Evidence
	return e.Life == Alive && e.Forked && (e.State == "R" || e.State == "D") && q.pidfile.Path != "" && !q.daemon.unnamed() &&
		(p.Decision.Rule == RuleContradicted || p.Decision.Rule == RuleMismatch) &&
		!late(e, q.pidfile) && !writtenLong(e, q.pidfile) && now.Sub(e.Started).Abs() < forkPatience
}

// meet pins a process and collects what the rules need first.
func (h *host) meet(pid int) (Process, error) {
	held, life, err := h.pin(pid)
	switch {
	case err != nil:
	case life == Gone:
		err = h.confirmGone(pid)
	case life == Thread:
		err = h.confirmThread(pid)
	}
	out := Process{Evidence: Evidence{PID: pid, Life: life, Pin: held.pinnedBy()}, held: held}
	if err == nil && life == Alive {
		out.Evidence, err = h.collect(held)
	}
	return out, err
}

// confirmGone: that nobody has a number is what lets a second daemon be started, so /proc
// has to say it, too. It shows another by now where the number was given away meanwhile.
func (h *host) confirmGone(pid int) error {
	stat, err := h.readStat(pid)
	if err != nil || hasEnded(stat) {
		return unforeseen(err)
	}
	held, life, err := h.pin(pid)
	held.release()
	if err == nil && life == Gone {
		if _, err = h.readStat(pid); err == nil {
			err = fmt.Errorf("process %d is there and is not there", pid)
		}
	}
	return unforeseen(err)
}

// confirmThread: /proc has to say that a number is a thread's, too.
func (h *host) confirmThread(pid int) error {
	status, err := h.readStatus(pid)
	if err == nil && status.TGID == pid {
		return fmt.Errorf("process %d is called a thread", pid)
	}
	return unforeseen(err)
}

// decideOn decides about a process that was met, and reads further what the rules ask for.
func (h *host) decideOn(q question, p Process) (Process, error) {
	start := p.Evidence.StartTicks
	for q.evidence = p.Evidence; ; {
		decision := decide(q)
		if decision.need == 0 {
			p.Evidence, p.Decision = q.evidence, decision
			return p, nil
		}
		h.supply(&q, decision.need)
		if changed, err := p.held.changedHands(start); err != nil {
			return p, err
		} else if changed {
			q.evidence.Life = Gone
		}
	}
}

// supply reads the facts the rules asked for. Each is set to something other
// than Unread, so the rules ask once.
func (h *host) supply(q *question, n factSet) {
	e := &q.evidence
	if n&needArgv != 0 {
		e.Argv = h.readArgv(e.PID)
	}
	if n&needScript != 0 {
		e.Scripts = h.scriptFiles(q.daemon, *e)
	}
	if n&needFilesystem != 0 {
		e.Filesystem = h.filesystemOf(*e, q.daemon.mount, q.daemon.DirDev)
	}
	if n&needFile != 0 {
		e.File = h.runningFile(*e)
	}
	if n&needLocks != 0 {
		e.Locks = h.holdsLock(e.PID, q.pidfile.ID)
	}
	if n&needParent != 0 {
		_, e.ParentRuns = h.parentRunning(q.daemon, *e)
	}
	if n&needClaims != 0 {
		e.Claims = h.claims(q.daemon, q.pidfile, *e)
	}
	if n&needClock != 0 {
		e.Clock = h.clock(q.pidfile, *e)
	}
}

// scriptFiles identifies what may be the script of an interpreter. The result is never nil.
func (h *host) scriptFiles(d Daemon, e Evidence) []ScriptFile {
	files := []ScriptFile{}
	for _, word := range d.scriptWords(e) {
		file := h.scriptFile(e, word)
		if file.State == Unreadable && e.Root == SamePlace && e.Tree == SamePlace && d.namesPath(word) {
			file = d.File // not to be seen through /proc/PID/root, but that is our root
		}
		files = append(files, ScriptFile{word, file})
	}
	return files
}
