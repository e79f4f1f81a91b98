package matcher

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// witnessesLimit is how many pidfiles are asked whether the clock was set: those written
// nearest to the one in question.
const witnessesLimit = 64

// bootLasts is how long after the kernel the first process may start.
const bootLasts = 2 * time.Minute

// began is when the first process of this PID namespace started, by the clock of now: the
// host's boot, or a container's start.
func (h *host) began() (time.Time, error) {
	stat, err := h.ReadStat(1)
	if err != nil { // hidepid, or there is none: what boots was there before all
		if err := fact.Unforeseen(err); err != nil {
			return time.Time{}, err
		}
		return h.Boot()
	}
	return h.StartOf(stat)
}

// atBoot is the oldest witness: /proc itself, whose root directory has the time of its
// mount (its ctime; no process of another can change it). Absent where it was mounted
// later than the system starts.
func (h *host) atBoot() (fact.Fact[fact.Witness], error) {
	began, err := h.began()
	if err != nil {
		return fact.Failed[fact.Witness](err), err
	}
	st, err := kernel.StatxAt(unix.AT_FDCWD, h.Proc, 0, unix.STATX_CTIME)
	if err != nil {
		return fact.Failed[fact.Witness](err), err
	}
	w := fact.Witness{Of: "the mount of " + h.Proc, Started: began, Slack: rules.WriteSlack}
	w.Late = began.Sub(kernel.TimeOf(st.Ctime))
	if w.Late < -rules.WriteSlack {
		return fact.Fact[fact.Witness]{State: fact.Absent}, nil
	}
	return fact.Of(w), nil
}

// mountedAhead is atBoot where the clock was set back since. Of a container, and where /proc
// was mounted later than the system starts, that is known only while its time is still to come.
func (h *host) mountedAhead() ([]fact.Witness, error) {
	began, err := h.began()
	if err != nil {
		return nil, err
	}
	st, err := kernel.StatxAt(unix.AT_FDCWD, h.Proc, 0, unix.STATX_CTIME)
	if err != nil {
		return nil, err
	}
	mounted := kernel.TimeOf(st.Ctime)
	if mounted.Sub(h.Now()) <= rules.StartSlack {
		return nil, nil
	}
	return []fact.Witness{{Of: "the mount of " + h.Proc, Started: began, Late: began.Sub(mounted), Slack: rules.WriteSlack}}, nil
}

// clock gathers the witnesses that there are of the time since the process started: what
// was done by root's processes, and when by the clock of then.
func (h *host) clock(own rules.Pidfile, e fact.Evidence) fact.Fact[fact.Clock] {
	var out fact.Clock
	boot, failure := h.atBoot()
	var err error
	out.Began, err = h.began()
	failure = cmp.Or(failure, err)
	booted, err := h.Boot()
	failure = cmp.Or(failure, err)
	if boot.State == fact.Known {
		out.SinceBoot = boot.Value.Late <= rules.StartSlack
		// What a container's start shows of its own time is little: it may be seconds old.
		if out.Began.Sub(booted).Abs() < bootLasts {
			out.Witnesses = append(out.Witnesses, boot.Value)
		}
	}
	mounted, err := h.mountedAhead()
	failure = cmp.Or(failure, err)
	out.SetBack = append(out.SetBack, mounted...)
	pidfiles := slices.Clone(h.walk().roots())
	distance := func(p rules.Pidfile) time.Duration { return p.Written.Sub(own.Written).Abs() }
	sort.SliceStable(pidfiles, func(i, j int) bool { return distance(pidfiles[i]) < distance(pidfiles[j]) })
	for _, p := range pidfiles[:min(len(pidfiles), witnessesLimit)] {
		if p.PID == e.PID || sameAs(own, p) {
			continue
		}
		w, err := h.witnessOnce(p)
		failure = cmp.Or(failure, err)
		switch {
		case w.State == fact.Known && w.Value.Late < -rules.WriteSlack:
			out.SetBack = append(out.SetBack, w.Value)
		case w.State == fact.Known:
			out.Witnesses = append(out.Witnesses, w.Value)
		}
	}
	if failure != nil {
		return fact.Fact[fact.Clock]{State: fact.Unreadable, Value: out, Err: failure}
	}
	return fact.Of(out)
}

// witnessOnce is witness, once for a question.
func (h *host) witnessOnce(p rules.Pidfile) (fact.Fact[fact.Witness], error) {
	if known, found := h.clocks.Load(p.ID); found {
		return known.(fact.Fact[fact.Witness]), nil
	}
	w, err := h.witness(p)
	if err == nil {
		h.clocks.Store(p.ID, w)
	}
	return w, err
}

// witness is root's pidfile and the process that it names, if that is root's, too, and
// either started just before, or has a name that is like the file's.
func (h *host) witness(p rules.Pidfile) (fact.Fact[fact.Witness], error) {
	none := fact.Fact[fact.Witness]{State: fact.Absent}
	stat, err := h.ReadStat(p.PID)
	if err != nil || kernel.HasEnded(stat) || stat.Flags&kernel.KernelThread != 0 {
		return none, fact.Unforeseen(err)
	}
	status, err := h.ReadStatus(p.PID)
	if err != nil || status.UIDs[0] != 0 || status.UIDs[1] != 0 || status.TGID != p.PID || status.Namespaces > 1 {
		return none, fact.Unforeseen(err)
	}
	started, err := h.StartOf(stat)
	if err != nil {
		return none, err
	}
	w := fact.Witness{Of: fmt.Sprintf("%s of process %d", p.Path, p.PID), Started: started, Late: started.Sub(p.Written), Slack: rules.StartSlack}
	ahead := p.Ahead > rules.StartSlack
	switch odd := w.Late > rules.StartSlack || ahead; {
	case w.Late < -rules.WriteSlack && !ahead, odd && !rules.Resembles(fact.Evidence{Comm: stat.Comm}, p.Path):
		return none, nil
	case odd: // whoever may start it as he likes may have waited for its number
		file := h.RunningFile(fact.Evidence{PID: p.PID, Started: started})
		if file.State != fact.Known || file.Value.Setuid {
			return none, fact.Unforeseen(file.Err)
		}
	}
	return fact.Of(w), nil
}
