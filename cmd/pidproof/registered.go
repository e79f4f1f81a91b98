package main

import (
	"os"
	"path/filepath"
	"slices"

	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/matcher"
)

// instancesDir is where registrations lie.
func instancesDir() string {
	if dir := os.Getenv("PIDPROOF_INSTANCES"); dir != "" {
		return absolute(dir)
	}
	return registry.Dir
}

// registrations warns of those that cannot be used, and gives the others.
func (c *console) registrations() (all []registry.Registration, bad int) {
	all, errs := registry.Read(instancesDir())
	for _, err := range errs {
		c.warn("%v", err)
	}
	return all, len(errs)
}

// registeredPidfiles is matcher.Registered: what is wrong with a registration is said
// where it is used.
func registeredPidfiles() (pidfiles []string, missed int) {
	all, errs := registry.Read(instancesDir())
	for _, r := range all {
		pidfiles = append(pidfiles, r.Pidfile)
	}
	return pidfiles, len(errs)
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
			word = filepath.Clean(absolute(word))
			return word == d.Path || word == d.Real
		}
		return word == filepath.Base(d.Path) || word == filepath.Base(d.Real)
	})
}
