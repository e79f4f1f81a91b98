package instances

import (
	"errors"
	"fmt"

	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
	"pidproof/matcher/host"
)

// Registrations warns of those that cannot be used, and gives the others.
func Registrations(c *say.Console) (all []registry.Registration, bad int) {
	all, errs := registry.Read(registry.InUse())
	for _, err := range errs {
		c.Warn("%v", err)
	}
	return all, registry.Unusable(errs)
}

// DaemonOf is a registration's daemon, as far as that can be looked at without a hang. An
// error says that it could not be: under which other names it goes is not known then.
func DaemonOf(r registry.Registration) (matcher.Daemon, error) {
	byPath := matcher.Daemon{Path: r.Daemon, Real: r.Daemon}
	if _, mayHang := host.MayHang(r.Daemon); mayHang {
		return byPath, nil
	}
	d, err := matcher.FindDaemon(r.Daemon)
	switch {
	case errors.Is(err, matcher.ErrDaemon): // a directory by now, or the like
		return byPath, nil
	case err == nil && d.File.Unreadable():
		return d, fmt.Errorf("%s cannot be looked at: %w", r.Daemon, d.File.Err)
	}
	return d, err
}
