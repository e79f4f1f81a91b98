package matcher

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// Match answers start-stop-daemon's question: which processes meet these
// criteria? With a pidfile or a PID it looks at that process only, else at all.
// A pidfile counts as it does for Check, so what it names is proven, or left
// alone.
//
// The verdict is Running where a process was found: those are Found, which the
// caller must Release. Dead: the pidfile exists, and names none. NotRunning:
// none was found. Unknown: it could not be told, or some may match (Unclear).
// Without a pidfile only processes of our PID namespace count.
func Match(ctx context.Context, c Criteria, registered func() (pidfiles []string, missed int)) (Matched, error) {
	h := thisHost()
	h.registered = registered
	m, err, inTime := kernel.Within(ctx, h.System, func() (Matched, error) { return h.match(ctx, c) })
	if !inTime {
		return noMatch(c, h.LastStep()), nil
	}
	return m, err
}

// Matched is the answer of Match.
type Matched struct {
	Verdict Verdict
	Rule    rules.Rule
	Reason  string
	Pidfile Pidfile
	Found   []*Process
	// Wrapper is who has started what the pidfile stands for, if the pidfile names him; else nil.
	Wrapper *Process
	// Unclear are PIDs of further processes that may match; Plausible: the pidfile's
	// seems to, as far as an ordinary user may see.
	Unclear   []int
	Plausible bool
	// Taken: the pidfile is stale, but whoever compares less than this package does
	// takes its process for the daemon: another instance's, a container's, a zombie, one that
	// runs the daemon's file under another name.
	Taken bool
	// Misleads: see Report.Misleads.
	Misleads bool
}

// noMatch is the answer to a question that was given up while doing something.
func noMatch(c rules.Criteria, doing string) Matched {
	return Matched{Rule: rules.RuleDeadline, Reason: "no answer in time while " + doing, Pidfile: Pidfile{rules.Pidfile{Path: c.Pidfile}}}
}

// Release lets go of all that were found.
func (m *Matched) Release() {
	for _, p := range m.Found {
		p.Release()
	}
	if m.Wrapper != nil {
		m.Wrapper.Release()
	}
}

func (h *host) match(ctx context.Context, c rules.Criteria) (Matched, error) {
	if c.Pidfile != "" {
		return h.matchPidfile(ctx, c)
	}
	var m Matched
	if err := h.Open(); err != nil {
		m.Rule, m.Reason = rules.RuleNotOurProc, err.Error()
		return m, nil
	}
	var d rules.Daemon
	if c.Exec != "" {
		var err error
		if d, err = h.findDaemon(c.Exec); err != nil {
			return m, err
		}
	}
	var found []*Process
	var err error
	switch {
	case c.PID != 0:
		found, err = h.matchPID(d, c)
	case c.Exec != "":
		var s survey
		s, err = h.scan(d, c, true)
		found, m.Reason, err = s.found, cmp.Or(s.blind, d.WhyUnread()), cmp.Or(err, s.failure, h.unreadable(d))
	default:
		found, m.Reason, err = h.matchAll(c)
	}
	if err == nil && c.PID == 0 && (d.Script != nil || len(c.Name) > rules.CommLen) {
		found, err = h.lessCallers(d, found)
	}
	m.add(found)
	switch {
	case err != nil:
		m.Release()
		return Matched{Rule: rules.RuleUnreadable, Reason: err.Error()}, nil
	case len(m.Found) > 0:
		m.Verdict = Running
	case len(m.Unclear) > 0, m.Reason != "":
		m.Verdict, m.Rule = Unknown, rules.RuleUnreadable
	default:
		m.Verdict, m.Reason = NotRunning, "no process matches"
	}
	return m, nil
}

// lessCallers lets go of those whom dpkg's program never finds, by a script or by more of a name than
// proc_pid_comm(5) has: who has called us, which may be an init script of that name, or the
// daemon's script with the word "stop"; and what an ordinary user's process only may be: he calls
// it what he likes, and nobody could start or stop the daemon.
func (h *host) lessCallers(d rules.Daemon, found []*Process) ([]*Process, error) {
	above := map[int]int{}
	if err := h.ancestors(above, os.Getpid(), os.Getppid()); err != nil {
		return found, err
	}
	return slices.DeleteFunc(found, func(p *Process) bool {
		e := p.Evidence
		_, called := above[e.PID]
		unsure := p.Decision.Outcome != rules.Runs || p.Role == RoleUnclear
		if !called && !(d.Script != nil && unsure && e.UID != 0 && e.UID != d.Owner) {
			return false
		}
		p.Release()
		return true
	}), nil
}

// unreadable says of a daemon whose file cannot be read why there may be more that run it.
func (h *host) unreadable(d rules.Daemon) error {
	if err := h.Unforeseen(d.File.Err); err != nil {
		return fmt.Errorf("%s cannot be read: %w", d.Path, err)
	}
	return nil
}

// add takes the proven ones, and lets go of the others.
func (m *Matched) add(found []*Process) {
	for _, p := range found {
		switch d := p.Decision; {
		case d.Outcome == rules.Runs && p.Role != RoleUnclear:
			m.Found = append(m.Found, p)
			continue
		case d.Outcome == rules.Undecided, d.Outcome == rules.Plausible, d.Outcome == rules.Runs:
			m.Unclear = append(m.Unclear, p.Evidence.PID)
			if m.Reason == "" {
				m.Reason = fmt.Sprintf("%d may match: %s", p.Evidence.PID, d.Why)
			}
		}
		p.Release()
	}
}

func (h *host) matchPidfile(ctx context.Context, c rules.Criteria) (Matched, error) {
	r, err := h.check(ctx, Instance{Daemon: c.Exec, Pidfile: c.Pidfile, PidfileOnly: true, Hold: true, criteria: c})
	m := Matched{Verdict: r.Verdict, Rule: r.Rule, Reason: r.Reason, Pidfile: r.Pidfile}
	if r.Verdict == Running {
		m.Found, m.Wrapper = r.Mains(), r.Wrapper
		return m, err
	}
	if r.Main != nil && r.Verdict == Unknown {
		m.Unclear = []int{r.Main.Evidence.PID}
		m.Plausible = r.Main.Decision.Outcome == rules.Plausible
	}
	m.Misleads = r.Misleads()
	m.Taken = r.Verdict == Dead && r.Main != nil && (r.Rule == rules.RuleRecycled || r.Rule == rules.RuleForeign ||
		r.Main.Evidence.Life == fact.Zombie || r.Main.Evidence.Life == fact.Ending ||
		r.Rule == rules.RuleMismatch && sameInode(r.Main.Evidence, r.Daemon))
	r.Release()
	return m, err
}

// sameInode is how dpkg's program compares: redis-sentinel runs the file of redis-server.
func sameInode(e fact.Evidence, d rules.Daemon) bool {
	return e.Exe.Known() && e.Exe.Value.ID.Known() && d.File.Known() && e.Exe.Value.ID == d.File.Value
}

func (h *host) matchPID(d rules.Daemon, c rules.Criteria) ([]*Process, error) {
	p, err := h.hold(rules.Question{Daemon: d, Criteria: c}, c.PID)
	return []*Process{&p}, err
}

// matchAll looks at every process: what is asked for is a name, a user or a
// parent, as with killall(1).
func (h *host) matchAll(c rules.Criteria) (found []*Process, blind string, err error) {
	candidates, err := h.Among(func(_, pid int) (bool, error) { return h.mayMeet(c, pid) })
	if err != nil {
		return nil, "", err
	}
	if blind, err = h.blindness(candidates); err != nil {
		return nil, "", err
	}
	for _, pid := range candidates.Pids {
		p, err := h.hold(rules.Question{Criteria: c}, pid)
		found = append(found, &p)
		if err := cmp.Or(err, h.fault(p)); err != nil {
			return found, blind, err
		}
	}
	return found, blind, nil
}

// mayMeet says from /proc/PID/stat whether a process is worth a closer look:
// there may be thousands.
func (h *host) mayMeet(c rules.Criteria, pid int) (bool, error) {
	stat, err := h.ReadStat(pid)
	if err != nil || kernel.HasEnded(stat) {
		return false, h.Unforeseen(err)
	}
	return (c.PPID == 0 || c.PPID == stat.PPID) && (c.Name == "" || rules.Bears(stat.Comm, c.Name)) && pid != os.Getpid(), nil
}
