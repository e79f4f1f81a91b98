package matcher

import (
	"slices"
	"strings"

	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// assignRoles gives every process of a survey its role, seen from one instance.
// It is pure. isMain tells the instance's proven main processes;
// stale is the PID its pidfile names in vain, 0 when there is none; claims are the
// other instances' trusted pidfiles by the PID they name. A number stays taken
// while it is that of a process group or session, so stale is only ever one that
// no process has.
func assignRoles(s survey, isMain func(pid int) bool, stale int, claims map[int]string) {
	for i := range s.found {
		p := &s.found[i]
		unclear := p.Role == RoleUnclear
		p.Role, p.Instance = roleOf(*p, s.parents, isMain, stale, claims)
		_, p.Main = claims[p.Evidence.PID]
		// What may run the daemon and has no place is not said to run it.
		if unclear && (p.Role == RoleUnclaimed || p.Role == RoleLeftover) {
			p.Role = RoleUnclear
		}
	}
}

func roleOf(p Process, parents map[int]int, isMain func(pid int) bool, stale int, claims map[int]string) (Role, string) {
	if p.Decision.Rule == rules.RuleForeign {
		return RoleForeign, ""
	}
	if isMain(p.Evidence.PID) {
		return RoleMain, ""
	}
	if _, claimed := claims[p.Evidence.PID]; !claimed && stale != 0 && (p.Evidence.Group == stale || p.Evidence.Session == stale) {
		return RoleLeftover, "" // whoever its parent is by now
	}
	for pid, hops := p.Evidence.PID, 0; pid > 0 && hops < kernel.MaxAncestors; pid, hops = parents[pid], hops+1 {
		if isMain(pid) {
			return RoleWorker, ""
		}
		if pidfile, claimed := claims[pid]; claimed {
			return RoleOther, pidfile
		}
	}
	return RoleUnclaimed, ""
}

// doubtUnclaimed: pidfiles could not be read, one of which may account for what runs
// unclaimed.
func (s survey) doubtUnclaimed(why error) {
	for i := range s.found {
		if p := &s.found[i]; p.Role == RoleUnclaimed {
			p.Role, p.Decision.Why = RoleUnclear, "whose it is cannot be told: "+why.Error()
		}
	}
}

// claimsOn gives the pidfiles that account for processes of the survey, by the PID that
// they name: those that count, and may vouch for it, unless the process started later than
// the file was written and is another's child, or nothing shows that it is the writer all
// the same: then the number was recycled.
func (h *host) claimsOn(s survey, own rules.Pidfile, counts func(rules.Pidfile) bool) map[int]string {
	inSurvey := map[int]bool{}
	for _, p := range s.found {
		inSurvey[p.Evidence.PID] = true
	}
	claims := map[int]string{}
	for _, p := range s.found {
		e := p.Evidence
		if p.Decision.Rule == rules.RuleForeign {
			continue
		}
		pidfiles := h.walk().naming(e.PID, own)
		// Sorted, so that of two pidfiles for one process the same one is always named.
		slices.SortFunc(pidfiles, func(a, b rules.Pidfile) int { return strings.Compare(a.Path, b.Path) })
		for _, f := range pidfiles {
			ok, _ := f.Vouches(e.UID, e.EUID)
			if !ok || !counts(f) || !f.Claims(e) || rules.Late(e, f) && (inSurvey[e.PPID] || !rules.StandsLate(e, f, h.clock(f, e).Value)) {
				continue
			}
			claims[e.PID] = f.Path
			break
		}
	}
	return claims
}
