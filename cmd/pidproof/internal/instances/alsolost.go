package instances

import (
	"errors"
	"fmt"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/matcher"
)

// AlsoLost is an error where another registered instance of this daemon, whose own
// pidfile names nobody, may have lost an unclaimed process.
func AlsoLost(a *ask.Asker, r matcher.Report) error {
	all, errs := registry.Read(registry.InUse())
	for _, other := range all {
		d, err := DaemonOf(other)
		if err != nil {
			return fmt.Errorf("of %s it cannot be told: %w", other.Name, err)
		}
		if d.Real != r.Daemon.Real || registry.SamePidfile(other.Pidfile, r.Pidfile.Path) {
			continue
		}
		o, err := LookAt(a, other)
		o.Report.Release()
		if err != nil || o.Report.Verdict != matcher.Running {
			return fmt.Errorf("the pidfile of %s names nobody either: give that with -p %s, or unregister it if it is gone", other.Name, other.Pidfile)
		}
	}
	return errors.Join(errs...)
}
