package matcher

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// findPidfile is for who named no pidfile, where LSB's default one does not exist (Debian's
// cron writes /run/crond.pid): the one trusted pidfile that names the daemon is meant. With
// several none is, and settled says so.
func (h *host) findPidfile(ctx context.Context, r *Report) (settled bool) {
	if r.Daemon.Label() { // any pidfile's number would do
		return false
	}
	found, err := h.pidfilesOf(r.Daemon)
	switch {
	case err != nil:
		r.Verdict, r.Rule, r.Reason = Unknown, rules.RuleUnreadable, err.Error()
		return true
	case len(found) == 0:
		return false
	case len(found) > 1:
		r.Verdict, r.Rule = Unknown, rules.RuleSeveral
		r.Reason = fmt.Sprintf("no pidfile was named, there is no %s, and these name it: %s; name one with -p", r.Pidfile.Path, strings.Join(rules.Abridge(found), ", "))
		return true
	}
	r.Notes = append(r.Notes, fmt.Sprintf("No pidfile was named, and there is no %s: %s is the only one that names it.", r.Pidfile.Path, found[0]))
	unnamed := rules.Pidfile{Path: found[0]}
	r.Pidfile.Pidfile = h.readPatiently(ctx, func() rules.Pidfile { return h.reread(unnamed, Instance{}) })
	return false
}

// pidfilesOf are the trusted pidfiles that name main processes of a daemon, one of each.
func (h *host) pidfilesOf(d rules.Daemon) (paths []string, err error) {
	walk := h.walk()
	if walk.failure != nil {
		return nil, fmt.Errorf("pidfiles cannot be read: %w", walk.failure)
	}
	proc, err := h.OpenProc(unix.O_PATH)
	if err != nil {
		return nil, err
	}
	defer unix.Close(proc)
	w := h.want([]rules.Daemon{d}, false)
	mains, mutex := map[int]Process{}, sync.Mutex{}
	seeming := map[int]Process{} // for an ordinary user, who may not see what they run
	kernel.Spread(len(walk.all), func(i int) {
		p := walk.all[i]
		if p.State != rules.PidfileNames || !h.speaksUnasked(p) {
			return
		}
		numbers := p.Numbers().All()
		for _, pid := range numbers[:min(len(numbers), 1+furtherAsked)] {
			var short [256]byte
			if link, linkErr := kernel.ExeLink(proc, pid, short[:]); linkErr == nil && w.sight(link) == 0 {
				continue
			}
			e, decision, failure := h.judgeItself(d, p, pid)
			mutex.Lock()
			into := mains
			if decision.Outcome == rules.Plausible {
				into = seeming
			}
			switch first, seen := into[pid]; {
			case failure != nil:
				err = failure
			case decision.Rule == rules.RuleBecame: // so might any other's: it is not named as this daemon's pidfile
			case decision.Outcome != rules.Runs && decision.Outcome != rules.Plausible, !p.Claims(e), seen && p.Path > first.Instance:
			default:
				into[pid] = Process{Evidence: e, Instance: p.Path}
			}
			mutex.Unlock()
		}
	})
	if err == nil {
		err = h.wrapped(d, mains)
	}
	if len(mains) == 0 {
		mains = seeming
	}
	for _, p := range mains {
		if _, isWorker := mains[p.Evidence.PPID]; !isWorker {
			paths = append(paths, p.Instance)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), err
}

// judgeItself is judge of a process by what it runs. Whose wrapper it is takes a look at all,
// which wrapped takes once: a user may have a thousand pidfiles of wrappers. Nor is a fork
// waited for, of which he may have as many.
func (h *host) judgeItself(d rules.Daemon, p rules.Pidfile, pid int) (fact.Evidence, rules.Decision, error) {
	met, err := h.meet(pid)
	met.Evidence.Below = fact.Of[[]fact.Below](nil)
	if err == nil {
		err = h.decideOn(rules.Question{Daemon: d, Pidfile: p}, &met)
	}
	met.Release()
	return met.Evidence, met.Decision, err
}

// wrapped adds the processes whose wrapper a pidfile names that is this daemon's.
func (h *host) wrapped(d rules.Daemon, mains map[int]Process) error {
	s, err := h.scan(d, rules.Criteria{}, false)
	if err != nil {
		return err
	}
	claims := map[int]string{}
	for pid, p := range mains {
		claims[pid] = p.Instance
	}
	h.wrappersIn(s, d, rules.Pidfile{}, claims)
	for _, p := range s.found {
		pid := p.Evidence.PID
		if _, seen := mains[pid]; seen || claims[pid] == "" {
			continue
		}
		speaks := func(f rules.Pidfile) bool { return f.Path == claims[pid] && h.speaksUnasked(f) }
		if slices.ContainsFunc(h.walk().all, speaks) {
			mains[pid] = Process{Evidence: p.Evidence, Instance: claims[pid]}
		}
	}
	return nil
}

// speaksUnasked leaves out what an ordinary user can write, for processes of his own: root's
// question without a pidfile is not about these, and must not become ambiguous by them. The
// daemon's user writes into a directory that root made for him, not one that he has made
// himself where everybody may.
func (h *host) speaksUnasked(p rules.Pidfile) bool {
	if p.Roots() {
		return true
	}
	if h.walk().everyones[p.Path] {
		return false
	}
	dir := filepath.Dir(p.Path)
	for _, run := range h.run {
		if strings.HasPrefix(dir+"/", filepath.Join(run, "user")+"/") { // pam_systemd(8) makes one for everybody
			return false
		}
	}
	st, err := kernel.StatxAt(unix.AT_FDCWD, dir, 0, unix.STATX_MODE)
	return err == nil && st.Mode&0o002 == 0
}
