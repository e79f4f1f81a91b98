package matcher

import "pidproof/matcher/internal/rules"

// weighOthers lets the processes no pidfile accounts for change "safe to
// start" into what it really is.
func (r *Report) weighOthers(listeningOnly bool, blind string) {
	var others []rules.Other
	for _, p := range r.Others {
		others = append(others, rules.Other{PID: p.Evidence.PID, Role: p.Role, Instance: p.Instance, Main: p.Main,
			Sockets: p.Sockets, Why: p.Decision.Why})
	}
	weight, words := rules.Weigh(others, r.Daemon, listeningOnly, blind)
	r.Reason += words
	switch weight {
	case rules.Blocked:
		r.Verdict = Unclaimed
	case rules.Doubtful:
		r.Verdict = Unknown
	}
}
