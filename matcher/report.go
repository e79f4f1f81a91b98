package matcher

import (
	"slices"
	"time"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// Verdict is the answer to "may this daemon be acted on through its pidfile?".
type Verdict int

const (
	// Unknown: it could not be decided. Touch nothing. It is the zero value, so
	// that whatever is left unset is never taken for permission.
	Unknown Verdict = iota
	// Running: the pidfile names this daemon.
	Running
	// Dead: there is a pidfile, it names nothing that runs this daemon, and
	// nothing unclaimed runs.
	Dead
	// NotRunning: no pidfile, and nothing unclaimed runs.
	NotRunning
	// Unclaimed: the daemon runs outside every pidfile.
	Unclaimed
)

var verdictNames = [...]string{"unknown", "running", "dead", "not-running", "unclaimed"}

func (v Verdict) String() string { return verdictNames[v] }

// Role is what a process that runs the daemon is, seen from one instance.
type Role = rules.Role

const (
	RoleMain      Role = rules.RoleMain
	RoleWorker    Role = rules.RoleWorker
	RoleOther     Role = rules.RoleOther
	RoleForeign   Role = rules.RoleForeign
	RoleLeftover  Role = rules.RoleLeftover
	RoleUnclaimed Role = rules.RoleUnclaimed
	// RoleUnclear: it may run the daemon; its executable cannot be read.
	RoleUnclear Role = rules.RoleUnclear
)

// Process is one process that runs the daemon.
type Process struct {
	Evidence fact.Evidence  // what the kernel said of it: PID, Comm, Exe, Started, ...
	Decision rules.Decision // what the rules made of that: Rule, Outcome, File, Why, ...
	Role     Role
	Instance string                   // RoleOther: the pidfile that claims it
	Main     bool                     // RoleOther: the pidfile names this very process
	Sockets  fact.Fact[[]fact.Socket] // those it listens on; read where the question needs it
	Doubt    rules.Doubt              // of Report.Outside: why it may not be the daemon; "" for none

	held  *kernel.Handle // see Instance.Hold
	fault error          // what kept the rules from being asked at all
}

// Report is the whole answer.
type Report struct {
	Verdict Verdict
	// PidfileVerdict is what the pidfile and its process alone say: never
	// Unclaimed. LSB's functions answer with it.
	PidfileVerdict Verdict

	Rule   rules.Rule // the names stand in the comment of this package
	Reason string     // one sentence, for a log

	Daemon  Daemon
	Pidfile Pidfile

	// Main is the process the pidfile names; nil when it names none. Of several it is the
	// first that runs the daemon.
	Main *Process
	// Further are the main processes beside it.
	Further []*Process
	// Wrapper is the process that the pidfile names where that only has started Main; else nil.
	Wrapper *Process
	// Starts is the daemon that Main has started, where that is a wrapper which was asked about
	// by its own path: the same instance. Only filled with Hold or Others.
	Starts string
	// Others are the other processes that run this daemon, by PID; only filled
	// when Scanned.
	Others  []*Process
	Scanned bool
	// Blind is why Others may lack some; "" when all were seen.
	Blind string
	Notes []string

	// Outside are those of Others that are the daemon itself, not what it or somebody else
	// has left behind: a second one would be started beside them. Untold is why there may be
	// more. Only filled where it was asked for, and the pidfile names nobody.
	Outside []*Process
	Untold  error
}

// Blocking are the processes that made the verdict Unclaimed.
func (r Report) Blocking() []*Process { return r.WithRole(RoleLeftover, RoleUnclaimed) }

// Misleads reports of a stale pidfile that it may keep the daemon from starting. Its number
// is that of something else, which lives and started after it was written: chrony, keepalived
// and pgbouncer only ask whether it lives. Or it is empty: keepalived, nscd and postgrey take
// that for trouble. What was made a moment ago may be made for the daemon.
func (r Report) Misleads() bool {
	switch {
	case r.PidfileVerdict != Dead:
		return false
	case r.Main == nil:
		return r.Pidfile.State == rules.PidfileGarbage && r.Pidfile.Size == 0 && time.Since(r.Pidfile.Written) > emptyFor
	}
	e := r.Main.Evidence
	return e.Life == fact.Thread || e.Life == fact.Alive && rules.Late(e, r.Pidfile.Pidfile)
}

// emptyFor is how long nobody has written into a pidfile that nobody writes.
const emptyFor = time.Minute

// WithRole are the other processes that have one of these roles, of which there may be
// thousands: they are the report's own.
func (r Report) WithRole(roles ...Role) (with []*Process) {
	for _, p := range r.Others {
		if slices.Contains(roles, p.Role) {
			with = append(with, p)
		}
	}
	return with
}
