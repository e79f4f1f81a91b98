package instances

import (
	"slices"

	"pidproof/matcher"
)

// Problems leaves only what needs a person, and reports whether there is anything.
func (list *Listing) Problems() bool {
	list.problems = true
	list.instances = slices.DeleteFunc(list.instances, func(i row) bool { return !i.needsSomebody() })
	several := 0
	for i := range list.daemons {
		d := &list.daemons[i]
		d.Processes = slices.DeleteFunc(slices.Clone(d.Processes), func(p *matcher.Process) bool { return outlives(p, d.Titled[p.Evidence.PID]) })
		several += len(d.Processes)
	}
	return len(list.instances) > 0 || several > 0 || list.bad > 0
}

// needsSomebody: it is down though it is registered, or its pidfile is wrong, or it cannot be
// told, or it runs what is not there any more, or another file is. What an ordinary user
// cannot see is no problem of the instance.
func (i row) needsSomebody() bool {
	switch i.state() {
	case "running":
		return i.Main.Decision.File.Outdated()
	case "unknown":
		return !i.Unseen()
	}
	return true
}

// outlives reports what may outlive its daemon by design, a session of sshd, a job of cron:
// it has another title, and listens on nothing.
func outlives(p *matcher.Process, titled bool) bool {
	return p.Role == matcher.RoleUnclaimed && titled && p.Sockets.Known() && len(p.Sockets.Value) == 0
}
