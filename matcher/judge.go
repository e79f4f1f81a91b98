package matcher

// judge pins one process, reads what the rules ask for, and decides. With the
// zero Pidfile it is one of a scan.
func (h *host) judge(d Daemon, p Pidfile, pid int) (Evidence, Decision, error) {
	held, err := h.hold(question{daemon: d, pidfile: p}, pid)
	held.Release()
	return held.Evidence, held.Decision, err
}

// hold is judge that keeps the process pinned: what was found stays true of
// whom it was found of.
func (h *host) hold(q question, pid int) (Process, error) {
	held, life, err := h.pin(pid)
	out := Process{Evidence: Evidence{PID: pid, Life: life, Pin: held.pinnedBy()}, pin: held, host: h}
	if err != nil {
		return out, err
	}
	e := out.Evidence
	if life == Alive {
		if e, err = h.collect(held); err != nil {
			out.Evidence = e
			return out, err
		}
	}
	q.evidence = e
	for {
		decision := decide(q)
		if decision.need == 0 {
			out.Evidence, out.Decision = q.evidence, decision
			return out, nil
		}
		h.supply(&q, decision.need)
		if h.changedHands(held, e) {
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
	if n&needLocks != 0 {
		e.Locks = h.holdsLock(e.PID, q.pidfile.ID)
	}
	if n&needParent != 0 {
		_, runs := h.parentRunning(q.daemon, *e)
		e.ParentRuns = known(runs)
	}
	if n&needClaims != 0 {
		e.Claims = h.claims(q.daemon, q.pidfile, *e)
	}
}

// changedHands reports that the number stands for another process than the one
// e was read from.
func (h *host) changedHands(held process, e Evidence) bool {
	if held.fd >= 0 {
		return held.ended()
	}
	stat, err := h.readStat(held.pid)
	return err != nil || stat.Start != e.StartTicks
}
