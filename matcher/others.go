package matcher

import (
	"slices"
	"strings"
)

// assignRoles gives every process of a survey its role, seen from one instance.
// It is pure. main is the instance's proven main process, 0 when there is none;
// stale the PID its pidfile names in vain, 0 when there is none; claims are the
// other instances' trusted pidfiles by the PID they name. A number stays taken
// while it is that of a process group or session, so stale is only ever one that
// no process has.
func assignRoles(s survey, main, stale int, claims map[int]string) {
	for i := range s.found {
		p := &s.found[i]
		unclear := p.Role == RoleUnclear
		p.Role, p.Instance = roleOf(*p, s.parents, main, stale, claims)
		_, p.Main = claims[p.Evidence.PID]
		// What may run the daemon and has no place is not said to run it.
		if unclear && (p.Role == RoleUnclaimed || p.Role == RoleLeftover) {
			p.Role = RoleUnclear
		}
	}
}

func roleOf(p Process, parents map[int]int, main, stale int, claims map[int]string) (Role, string) {
	if p.Decision.Rule == RuleForeign {
		return RoleForeign, ""
	}
	if p.Evidence.PID == main {
		return RoleMain, ""
	}
	if _, claimed := claims[p.Evidence.PID]; !claimed && stale != 0 && (p.Evidence.Group == stale || p.Evidence.Session == stale) {
		return RoleLeftover, "" // whoever its parent is by now
	}
	for pid, hops := p.Evidence.PID, 0; pid > 0 && hops < maxAncestors; pid, hops = parents[pid], hops+1 {
		if pid == main {
			return RoleWorker, ""
		}
		if pidfile, claimed := claims[pid]; claimed {
			return RoleOther, pidfile
		}
	}
	return RoleUnclaimed, ""
}

// acceptClaims turns pidfiles into claims: a pidfile counts for a process of
// the survey that it may vouch for, unless the process started later than it
// was written and is another's child, or not like the pidfile's name: then the
// number was recycled.
func acceptClaims(s survey, pidfiles []Pidfile) map[int]string {
	inSurvey := map[int]Process{}
	for _, p := range s.found {
		inSurvey[p.Evidence.PID] = p
	}
	claims := map[int]string{}
	// Sorted, so that of two pidfiles for one process the same one is always named.
	slices.SortFunc(pidfiles, func(a, b Pidfile) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range pidfiles {
		p, runs := inSurvey[f.PID]
		if !runs || p.Decision.Rule == RuleForeign {
			continue
		}
		if ok, _ := f.Vouches(p.Evidence.UID, p.Evidence.EUID); !ok {
			continue
		}
		if _, child := inSurvey[p.Evidence.PPID]; late(p.Evidence, f) && (child || !akin(p.Evidence, f.Path)) {
			continue
		}
		if _, taken := claims[f.PID]; !taken {
			claims[f.PID] = f.Path
		}
	}
	return claims
}
