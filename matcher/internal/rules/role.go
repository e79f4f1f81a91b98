package rules

import "pidproof/matcher/internal/fact"

// Role is what a process that runs the daemon is, seen from one instance.
type Role string

const (
	RoleMain      Role = "main"
	RoleWorker    Role = "worker"
	RoleOther     Role = "other instance"
	RoleForeign   Role = "foreign"
	RoleLeftover  Role = "leftover"
	RoleUnclaimed Role = "unclaimed"
	RoleUnclear   Role = "unclear" // it may run the daemon; its executable cannot be read
)

// Standing is what roles follow from, seen from one instance.
type Standing struct {
	Mains map[int]bool // its proven main processes
	// Stale is the PID that its pidfile names in vain; 0: there is none. A number stays
	// taken while it is that of a process group or session, so it is only ever one that no
	// process has.
	Stale   int
	Claims  map[int]string // other instances' trusted pidfiles, by the PID that they name
	Parents map[int]int    // of what runs the daemon
}

// RoleOf gives a process its role, and of another instance's the pidfile that claims it.
// unclear: it may run the daemon. What has no place is then not said to run it.
func (s Standing) RoleOf(e fact.Evidence, by Rule, unclear bool) (role Role, pidfile string) {
	role, pidfile = s.roleOf(e, by)
	if unclear && (role == RoleUnclaimed || role == RoleLeftover) {
		role = RoleUnclear
	}
	return role, pidfile
}

func (s Standing) roleOf(e fact.Evidence, by Rule) (Role, string) {
	if by == RuleForeign {
		return RoleForeign, ""
	}
	if s.Mains[e.PID] {
		return RoleMain, ""
	}
	if _, claimed := s.Claims[e.PID]; !claimed && s.Stale != 0 && (e.Group == s.Stale || e.Session == s.Stale) {
		return RoleLeftover, "" // whoever its parent is by now
	}
	for pid, hops := e.PID, 0; pid > 0 && hops < fact.MaxAncestors; pid, hops = s.Parents[pid], hops+1 {
		if s.Mains[pid] {
			return RoleWorker, ""
		}
		if pidfile, claimed := s.Claims[pid]; claimed {
			return RoleOther, pidfile
		}
	}
	return RoleUnclaimed, ""
}
