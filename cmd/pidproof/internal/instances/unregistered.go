package instances

import (
	"cmp"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/cmd/pidproof/internal/starters"
	"pidproof/matcher"
)

// Unregistered is an instance that nobody registered.
type Unregistered struct {
	Name, Pidfile string
	PIDs          string
	Restart       string // the command that restarts it; "" if none is known
}

// OutdatedOthers are the instances that run a file which was replaced or removed, and are none
// of the registered.
func OutdatedOthers(a *ask.Asker, registered []registry.Registration) (others []Unregistered, err error) {
	started := starters.Read()
	search := matcher.Search{Further: started.Pidfiles()}
	for _, r := range registered {
		search.Known = append(search.Known, matcher.Instance{Daemon: r.Daemon, Pidfile: r.Pidfile})
	}
	search.Keep = func(l matcher.Listed) bool {
		return l.Known < 0 && l.Verdict == matcher.Running && l.Main.Decision.File.Outdated()
	}
	inventory, err := a.Inventory(search)
	for _, l := range inventory.Instances {
		path := l.Pidfile.Path
		others = append(others, Unregistered{
			Name: cmp.Or(started.NameOf(path), nameByPidfile(path)), Pidfile: path, PIDs: l.PIDs().Few(), Restart: started.RestartOf(path),
		})
	}
	return others, err
}
