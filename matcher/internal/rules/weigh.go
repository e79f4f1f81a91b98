package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"pidproof/matcher/internal/fact"
)

// Other is a process that runs the daemon, as it weighs on "safe to start".
type Other struct {
	PID      int
	Role     Role
	Instance string // RoleOther: the pidfile that claims it
	Main     bool   // RoleOther: the pidfile names this very process
	Sockets  fact.Fact[[]fact.Socket]
	Why      string // of RoleUnclear
}

// Weighed are the roles of those that count.
var Weighed = []Role{RoleLeftover, RoleUnclaimed, RoleUnclear}

// mayListen: what has more descriptors open than are looked at counts as if it did listen,
// which its user could have had as well. Unknown would cost him less than it costs root.
func (p Other) mayListen() bool {
	return len(p.Sockets.Value) > 0 || errors.Is(p.Sockets.Err, fact.ErrManyDescriptors)
}

// Weight is what the others make of "safe to start".
type Weight int

const (
	Free     Weight = iota // it is
	Blocked                // some run unclaimed
	Doubtful               // it cannot be told
)

// Weigh lets the processes no pidfile accounts for change "safe to start" into what it
// really is, and gives the words that go behind the reason. With listeningOnly those that
// listen on nothing do not count. blind is why there may be more; "" when all were seen.
func Weigh(others []Other, d Daemon, listeningOnly bool, blind string) (w Weight, words string) {
	blocking := withRole(others, RoleLeftover, RoleUnclaimed)
	unclear := withRole(others, RoleUnclear)
	if listeningOnly {
		for _, p := range blocking {
			if p.Sockets.State != fact.Known && !p.mayListen() {
				return Doubtful, fmt.Sprintf("; whether %d listens cannot be read", p.PID)
			}
		}
		blocking = slices.DeleteFunc(blocking, func(p Other) bool { return !p.mayListen() })
		unclear = slices.DeleteFunc(unclear, func(p Other) bool { return p.Sockets.State == fact.Known && len(p.Sockets.Value) == 0 })
	}
	switch {
	case len(blocking) > 0:
		return Blocked, "; " + describeBlocking(blocking) + otherInstances(others)
	case len(unclear) > 0:
		return Doubtful, fmt.Sprintf("; %d may run it: %s", unclear[0].PID, unclear[0].Why)
	case d.File.State == fact.Unreadable:
		return Doubtful, fmt.Sprintf("; what runs it cannot be told: %s: %s", d.Path, fact.Plain(d.File.Err))
	case d.Unread != nil:
		return Doubtful, "; what runs it cannot be told: " + d.WhyUnread()
	case blind != "":
		return Doubtful, "; " + blind
	}
	if d.Label() {
		words = "; " + d.Uncompared()
	}
	if d.File.State == fact.Absent {
		words += fmt.Sprintf("; %s does not exist", d.Path)
	}
	return Free, words + otherInstances(others)
}

func withRole(others []Other, roles ...Role) (out []Other) {
	for _, p := range others {
		if slices.Contains(roles, p.Role) {
			out = append(out, p)
		}
	}
	return out
}

// otherInstances names the main processes of other instances, and their pidfiles.
func otherInstances(others []Other) string {
	var out []string
	for _, p := range withRole(others, RoleOther) {
		if p.Main {
			out = append(out, fmt.Sprintf("%d (%s)", p.PID, p.Instance))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "; other instances run: " + strings.Join(Abridge(out), ", ")
}

// Abridge keeps a list short enough for a log line.
func Abridge(list []string) []string {
	const shown = 8
	if n := len(list); n > shown {
		return append(list[:shown:shown], fmt.Sprintf("and %d more", n-shown))
	}
	return list
}

// describeBlocking names at most a few PIDs of each kind: it goes into a log line.
func describeBlocking(blocking []Other) string {
	var parts []string
	for _, kind := range []struct {
		role  Role
		words string
	}{{RoleLeftover, "left over from this instance"}, {RoleUnclaimed, "running unclaimed"}} {
		var pids []string
		for _, p := range withRole(blocking, kind.role) {
			pids = append(pids, fmt.Sprint(p.PID))
		}
		if len(pids) > 0 {
			parts = append(parts, kind.words+": "+strings.Join(Abridge(pids), " "))
		}
	}
	return strings.Join(parts, "; ")
}
