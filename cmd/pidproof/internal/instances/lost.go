package instances

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/starters"
	"pidproof/matcher"
	"pidproof/matcher/host"
)

// addLost adds the daemons whose init script or unit names a pidfile that is not there, while
// they run outside every pidfile. Nobody registered them, and no pidfile is left to show them.
func (list *Listing) addLost(a *ask.Asker, started *starters.Starters, wanted Selection) error {
	byPidfile := started.Daemons()
	for _, pidfile := range slices.Sorted(maps.Keys(byPidfile)) {
		daemon := byPidfile[pidfile]
		if _, mayHang := host.MayHang(daemon, pidfile); mayHang {
			continue
		}
		if _, err := os.Lstat(pidfile); !errors.Is(err, fs.ErrNotExist) {
			continue // list has it
		}
		d, err := matcher.FindDaemon(daemon)
		if err != nil || d.File.Absent() || len(wanted) > 0 && !wanted.daemon(d) {
			continue
		}
		r, err := a.Check(matcher.Instance{Daemon: daemon, Pidfile: pidfile, PidfileOnly: true, Outside: true})
		if err != nil {
			return err
		}
		outside := slices.DeleteFunc(r.Outside, func(p *matcher.Process) bool { return p.Doubt != "" || list.shows(p.Evidence.PID) })
		if len(outside) > 0 {
			list.daemons = append(list.daemons, matcher.Unaccounted{Daemon: r.Daemon, Processes: outside})
		}
	}
	return nil
}

// shows reports that a process is among those that no pidfile accounts for already.
func (list *Listing) shows(pid int) bool {
	return slices.ContainsFunc(list.daemons, func(of matcher.Unaccounted) bool {
		return slices.ContainsFunc(of.Processes, func(p *matcher.Process) bool { return p.Evidence.PID == pid })
	})
}
