package matcher

import (
	"os"
	"slices"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/rules"
)

// startedLimit is how many processes below a wrapper are looked at.
const startedLimit = 1024

// findStarted is for a wrapper that was asked about by its own path: the one daemon below
// it, which its pidfile stands for, is its worker.
func (h *host) findStarted(r *Report, in Instance) {
	main := r.Main
	if r.Verdict != Running || main.Decision.Rule == rules.RuleWrapper || len(r.Further) > 0 || r.Daemon.Label() || !r.Daemon.MayWrap(r.Pidfile.Path) {
		return
	}
	wrapper := main.Evidence
	wrapper.Argv = h.ReadArgv(wrapper.PID)
	var daemons []Process
	var under [][]int // the PIDs below each
	for next := h.childrenOf(wrapper.PID); len(next) > 0 && len(daemons) < 2; next = next[1:] {
		p, err := h.meet(next[0])
		if err != nil || p.Evidence.Life != fact.Alive || p.Evidence.Exe.State != fact.Known || p.Evidence.PID == os.Getpid() {
			p.Release()
			continue
		}
		below := h.childrenOf(next[0])
		d := rules.DaemonOf(p.Evidence.Exe.Value)
		if d.RunsAnything() || d.Path == r.Daemon.Real || !d.StartedBy(r.Daemon, wrapper) || !rules.Wraps(d, r.Pidfile.Pidfile, wrapper, p.Evidence) {
			p.Release()
			if len(next) < startedLimit {
				next = append(next, below...)
			}
			continue
		}
		daemons, under = append(daemons, p), append(under, below)
	}
	if len(daemons) != 1 { // which is meant cannot be told
		for i := range daemons {
			daemons[i].Release()
		}
		return
	}
	r.Starts = h.onDisk(daemons[0].Evidence.Exe.Value)
	r.addWorkers(h, in, append([]int{daemons[0].Evidence.PID}, under[0]...))
	daemons[0].Release()
}

// addWorkers adds those of these processes that run what the main process has started.
func (r *Report) addWorkers(h *host, in Instance, pids []int) {
	if !in.Others {
		return
	}
	d, err := h.findDaemon(r.Starts)
	if err != nil {
		return
	}
	for _, pid := range pids {
		known := slices.ContainsFunc(r.Others, func(p *Process) bool { return p.Evidence.PID == pid })
		p, err := h.hold(rules.Question{Daemon: d}, pid)
		if err != nil || known || p.Decision.Outcome != rules.Runs {
			p.Release()
			continue
		}
		if p.Role = RoleWorker; in.Sockets {
			p.Sockets = h.Listening(pid)
		}
		if !in.Hold {
			p.Release()
		}
		r.Others = append(r.Others, &p)
	}
}

// childrenOf are those that can be told.
func (h *host) childrenOf(pid int) []int {
	children, err := h.Children(pid)
	if err != nil {
		return nil
	}
	return children
}
