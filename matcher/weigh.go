package matcher

import (
	"fmt"
	"slices"
	"strings"

	"pidproof/matcher/internal/fact"
)

// weighOthers lets the processes no pidfile accounts for change "safe to
// start" into what it really is.
func (r *Report) weighOthers(counting Counting, blind string) {
	if counting == CountNone {
		return
	}
	blocking := r.Blocking()
	if counting == CountListening {
		for _, p := range blocking {
			if p.Sockets.State != fact.Known {
				r.Verdict = Unknown
				r.Reason += fmt.Sprintf("; whether %d listens cannot be read", p.Evidence.PID)
				return
			}
		}
		blocking = keepListening(blocking)
	}
	file := r.Daemon.File
	unclear := r.WithRole(RoleUnclear)
	if counting == CountListening {
		unclear = slices.DeleteFunc(unclear, func(p Process) bool { return p.Sockets.State == fact.Known && len(p.Sockets.Value) == 0 })
	}
	switch {
	case len(blocking) > 0:
		r.Verdict = Unclaimed
		r.Reason += "; " + describeBlocking(blocking)
		r.nameInstances()
	case len(unclear) > 0:
		r.Verdict = Unknown
		r.Reason += fmt.Sprintf("; %d may run it: %s", unclear[0].Evidence.PID, unclear[0].Decision.Why)
	case file.State == fact.Unreadable:
		r.Verdict = Unknown
		r.Reason += fmt.Sprintf("; what runs it cannot be told: %s: %s", r.Daemon.Path, fact.Plain(file.Err))
	case blind != "":
		r.Verdict = Unknown
		r.Reason += "; " + blind
	default:
		if r.Daemon.Label() {
			r.Reason += "; " + r.Daemon.Uncompared()
		}
		if file.State == fact.Absent {
			r.Reason += fmt.Sprintf("; %s does not exist", r.Daemon.Path)
		}
		r.nameInstances()
	}
}

func (r *Report) nameInstances() {
	if instances := r.instances(); len(instances) > 0 {
		r.Reason += "; other instances run: " + strings.Join(instances, ", ")
	}
}

// instances names the main processes of other instances, and their pidfiles.
func (r *Report) instances() []string {
	var out []string
	for _, p := range r.WithRole(RoleOther) {
		if p.Main {
			out = append(out, fmt.Sprintf("%d (%s)", p.Evidence.PID, p.Instance))
		}
	}
	return abridge(out)
}

// abridge keeps a list short enough for a log line.
func abridge(list []string) []string {
	const shown = 8
	if n := len(list); n > shown {
		return append(list[:shown:shown], fmt.Sprintf("and %d more", n-shown))
	}
	return list
}

func keepListening(in []Process) []Process {
	var out []Process
	for _, p := range in {
		if len(p.Sockets.Value) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// describeBlocking names at most a few PIDs of each kind: it goes into a log line.
func describeBlocking(blocking []Process) string {
	var parts []string
	for _, kind := range []struct {
		role  Role
		words string
	}{{RoleLeftover, "left over from this instance"}, {RoleUnclaimed, "running unclaimed"}} {
		var pids []string
		for _, p := range blocking {
			if p.Role == kind.role {
				pids = append(pids, fmt.Sprint(p.Evidence.PID))
			}
		}
		if len(pids) > 0 {
			parts = append(parts, kind.words+": "+strings.Join(abridge(pids), " "))
		}
	}
	return strings.Join(parts, "; ")
}
