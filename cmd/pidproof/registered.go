package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"pidproof/cmd/pidproof/internal/cwd"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/matcher"
)

// registrations warns of those that cannot be used, and gives the others.
func (c *console) registrations() (all []registry.Registration, bad int) {
	all, errs := registry.Read(registry.InUse())
	for _, err := range errs {
		c.Warn("%v", err)
	}
	return all, registry.Unusable(errs)
}

// daemonOf is a registration's daemon, as far as that can be looked at without a hang. An
// error says that it could not be: under which other names it goes is not known then.
func daemonOf(r registry.Registration) (matcher.Daemon, error) {
	byPath := matcher.Daemon{Path: r.Daemon, Real: r.Daemon}
	if _, mayHang := matcher.MayHang(r.Daemon); mayHang {
		return byPath, nil
	}
	d, err := matcher.FindDaemon(r.Daemon)
	switch {
	case errors.Is(err, matcher.ErrDaemon): // a directory by now, or the like
		return byPath, nil
	case err == nil && d.File.State == matcher.Unreadable:
		return d, fmt.Errorf("%s cannot be looked at: %w", r.Daemon, d.File.Err)
	}
	return d, err
}

// selection are words that mean daemons, by path or name, or instances by name. None
// means all.
type selection []string

// selects reports that an instance of this name and daemon is meant.
func (s selection) selects(name string, d matcher.Daemon) bool {
	return len(s) == 0 || slices.Contains(s, name) || s.daemon(d)
}

func (s selection) daemon(d matcher.Daemon) bool {
	return d.Path != "" && slices.ContainsFunc(s, func(word string) bool {
		if filepath.Base(word) != word {
			word = filepath.Clean(cwd.Absolute(word))
			return word == d.Path || word == d.Real
		}
		return word == filepath.Base(d.Path) || word == filepath.Base(d.Real)
	})
}
