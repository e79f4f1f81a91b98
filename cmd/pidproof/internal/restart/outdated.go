package restart

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher/host"
)

// Outdated looks at every one of these, for as long as one question may take, and
// says which cannot be told.
func Outdated(c *say.Console, a *ask.Asker, of []registry.Registration) (found []instances.Instance, doubts int) {
	seen, doubts := Look(c, a, of)
	return slices.DeleteFunc(seen, func(i instances.Instance) bool { return !i.Outdated() }), doubts
}

// Look is Outdated that gives all of which it can be told; of the others the processes are
// not held.
func Look(c *say.Console, a *ask.Asker, of []registry.Registration) (seen []instances.Instance, doubts int) {
	begun := time.Now()
	for _, r := range of {
		if a.Timeout > 0 && time.Since(begun) > a.Timeout {
			c.Warn("%s: cannot tell: there was no time left to look", r.Name)
			doubts++
			continue
		}
		i, err := instances.LookAt(a, r)
		if err != nil {
			c.Warn("%s: cannot tell: %v", r.Name, err)
			doubts++
		} else {
			seen = append(seen, i)
		}
		if err != nil || !i.Outdated() {
			i.Report.Release()
		}
	}
	return seen, doubts
}

var errOurs = errors.New("this command runs under it (--all restarts it, too)")

// Refusal is why an instance is not even tried.
func Refusal(i instances.Instance, withOurs bool) error {
	above, err := host.Ancestors(os.Getppid())
	ours := slices.Contains(above, i.Main().Evidence.PID) // as a login session from sshd
	switch {
	case i.Main().Decision.File.Removed() && i.Report.Daemon.Script != nil:
		return fmt.Errorf("the interpreter of its daemon %s does not exist any more, and a restart would only stop it", i.Daemon)
	case i.Main().Decision.File.Removed():
		return fmt.Errorf("its daemon %s does not exist any more, and a restart would only stop it; correct %s, or unregister it", i.Daemon, i.File)
	case !withOurs && ours:
		return errOurs
	case !withOurs && err != nil:
		return fmt.Errorf("whether this command runs under it cannot be told (--all restarts it anyway): %w", err)
	}
	return nil
}

// Hindrance is why an instance would not be restarted.
func Hindrance(i instances.Instance, withOurs bool) error {
	if err := Refusal(i, withOurs); err != nil {
		return err
	}
	return Unrunnable(i.Registration)
}

// Plan is what would be done with an instance.
func Plan(i instances.Instance, withOurs bool) string {
	if err := Hindrance(i, withOurs); err != nil {
		return fmt.Sprintf("%s: would not be restarted: %v", i.Name, err)
	}
	return fmt.Sprintf("%s: would restart: %s (%s)", i.Name, i.Command(), i.Runs())
}
