package matcher

import (
	"context"

	"pidproof/matcher/internal/rules"
)

// withoutProc answers where /proc is not ours, as in a chroot that somebody installs packages in: a pidfile that is not
// there names nobody, whatever runs. dpkg's start-stop-daemon looks no further then, and maintainer scripts count on it.
func (h *host) withoutProc(ctx context.Context, r *Report, in Instance, err error) {
	r.Rule, r.Reason = rules.RuleNotOurProc, err.Error()
	if in.Pidfile == "" || in.Default || in.Others {
		return
	}
	p := Pidfile{h.readPidfile(ctx, in.Pidfile)}
	if !p.Absent() {
		return
	}
	if r.Pidfile, r.PidfileVerdict = p, NotRunning; in.PidfileOnly {
		r.Verdict, r.Rule, r.Reason, r.Untold = NotRunning, rules.RuleNoPidfile, "no pidfile "+p.Path, err
	}
}
