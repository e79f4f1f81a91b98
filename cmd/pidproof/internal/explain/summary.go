package explain

import (
	"fmt"

	"pidproof/matcher"
)

// Summary is the verdict as one line for a log.
func Summary(r matcher.Report) string {
	daemon, pid, pidfile := r.Daemon.Called(), r.Pidfile.PID, r.Pidfile.Path
	switch {
	case r.Verdict == matcher.Running:
		return fmt.Sprintf("%s is running: PID %s from %s; %s", daemon, r.PIDs().Few(), pidfile, r.Reason)
	case r.Verdict == matcher.Dead:
		return fmt.Sprintf("%s is dead: %s", daemon, r.Reason)
	case r.Verdict == matcher.NotRunning:
		return fmt.Sprintf("%s is not running: %s", daemon, r.Reason)
	case r.Verdict == matcher.Unclaimed:
		return fmt.Sprintf("%s runs outside every pidfile: %s", daemon, r.Reason)
	case r.Main != nil && !r.Main.Decision.Outcome.NotThis():
		return fmt.Sprintf("%s: cannot tell about PID %d from %s: %s", daemon, pid, pidfile, r.Reason)
	}
	return fmt.Sprintf("%s: cannot tell: %s%s", daemon, r.Reason, remedy(r))
}

// remedy is who may read a pidfile that we may not.
func remedy(r matcher.Report) string {
	if r.Rule == "unusable" && asRoot(r.Pidfile.Path) {
		return "; ask as root"
	}
	return ""
}
