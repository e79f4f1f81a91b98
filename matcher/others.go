package matcher

import (
	"sort"

	"pidproof/matcher/internal/rules"
)

// assignRoles gives every process of a survey its role.
func assignRoles(s survey, standing rules.Standing) {
	standing.Parents = s.parents
	for _, p := range s.found {
		p.Role, p.Instance = standing.RoleOf(p.Evidence, p.Decision.Rule, p.Role == RoleUnclear)
		_, p.Main = standing.Claims[p.Evidence.PID]
	}
}

// doubtUnclaimed: pidfiles could not be read, one of which may account for what runs
// unclaimed.
func (s survey) doubtUnclaimed(why error) {
	for _, p := range s.found {
		if p.Role == RoleUnclaimed {
			p.doubt(why)
		}
	}
}

func (p *Process) doubt(why error) {
	p.Role, p.Decision.Why = RoleUnclear, "whose it is cannot be told: "+why.Error()
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
		sort.Slice(pidfiles, func(i, j int) bool { return pidfiles[i].Path < pidfiles[j].Path })
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
