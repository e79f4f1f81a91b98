package matcher

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// witnessesLimit is how many pidfiles are asked whether the clock was set: those written
// nearest to the one in question.
const witnessesLimit = 64

// bootLasts is how long after the kernel the first process may start.
const bootLasts = 2 * time.Minute

// began is when the first process of this PID namespace started, by the clock of now: the
// host's boot, or a container's start.
func (h *host) began() (time.Time, error) {
	stat, err := h.readStat(1)
	if err != nil { // hidepid, or there is none: what boots was there before all
		if err := unforeseen(err); err != nil {
			return time.Time{}, err
		}
		return h.boot()
	}
	return h.startOf(stat)
}

// atBoot is the oldest witness: /proc itself, whose root directory has the time of its
// mount (its ctime; no process of another can change it). Absent where it was mounted
// later than the system starts.
func (h *host) atBoot() (Fact[Witness], error) {
	began, err := h.began()
	if err != nil {
		return failed[Witness](err), err
	}
	st, err := statxAt(unix.AT_FDCWD, h.proc, 0, unix.STATX_CTIME)
	if err != nil {
		return failed[Witness](err), err
	}
	w := Witness{Of: "the mount of " + h.proc, Started: began, Slack: writeSlack}
	w.Late = began.Sub(timeOf(st.Ctime))
	if w.Late < -writeSlack {
		return Fact[Witness]{State: Absent}, nil
	}
	return known(w), nil
}

// clock gathers the witnesses that there are of the time since the process started: what
// was done by root's processes, and when by the clock of then.
func (h *host) clock(own Pidfile, e Evidence) Fact[Clock] {
	var out Clock
	boot, failure := h.atBoot()
	var err error
	out.Began, err = h.began()
	failure = cmp.Or(failure, err)
	booted, err := h.boot()
	failure = cmp.Or(failure, err)
	if boot.State == Known {
		out.SinceBoot = boot.Value.Late <= startSlack
		// What a container's start shows of its own time is little: it may be seconds old.
		if out.Began.Sub(booted).Abs() < bootLasts {
			out.Witnesses = append(out.Witnesses, boot.Value)
		}
	}
	pidfiles := slices.Clone(h.walk().roots())
	distance := func(p Pidfile) time.Duration { return p.Written.Sub(own.Written).Abs() }
	slices.SortStableFunc(pidfiles, func(a, b Pidfile) int { return cmp.Compare(distance(a), distance(b)) })
	for _, p := range pidfiles[:min(len(pidfiles), witnessesLimit)] {
		if p.PID == e.PID || sameAs(own, p) {
			continue
		}
		w, err := h.witness(p)
		failure = cmp.Or(failure, err)
		if w.State == Known {
			out.Witnesses = append(out.Witnesses, w.Value)
		}
	}
	if failure != nil {
		return Fact[Clock]{State: Unreadable, Value: out, Err: failure}
	}
	return known(out)
}

// witness is root's pidfile and the process that it names, if that is root's, too, and
// either started just before, or has a name that is like the file's.
func (h *host) witness(p Pidfile) (Fact[Witness], error) {
	none := Fact[Witness]{State: Absent}
	stat, err := h.readStat(p.PID)
	if err != nil || hasEnded(stat) || stat.Flags&kernelThread != 0 {
		return none, unforeseen(err)
	}
	status, err := h.readStatus(p.PID)
	if err != nil || status.UIDs[0] != 0 || status.UIDs[1] != 0 || status.TGID != p.PID || status.Namespaces > 1 {
		return none, unforeseen(err)
	}
	started, err := h.startOf(stat)
	if err != nil {
		return none, err
	}
	w := Witness{Of: fmt.Sprintf("%s of process %d", p.Path, p.PID), Started: started, Late: started.Sub(p.Written), Slack: startSlack}
	if w.Late < -writeSlack || w.Late > startSlack && !akin(Evidence{Comm: stat.Comm}, p.Path) {
		return none, nil
	}
	return known(w), nil
}
