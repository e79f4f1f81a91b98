// Package await waits until a daemon has started, or has stopped, and tells a person at
// a terminal meanwhile.
package await

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

// Change is what is waited for: that a daemon has started, or stopped.
type Change struct {
	*ask.Asker
	Instance matcher.Instance
	Started  bool // else: stopped
	Workers  bool // stopped: until nothing of the daemon is left that another pidfile does not account for
	Limit    time.Duration
}

// execTick is how often to look at a process that is not the daemon yet: no
// event tells of an execve(2).
const execTick = 50 * time.Millisecond

// mountTick is how often to look because a file system may have been mounted over
// a directory on the way: inotify(7) does not tell.
const mountTick = 2 * time.Second

// workersTick is how often other instances' pidfiles are looked at.
const workersTick = time.Second

// Await returns when it came true, or not in time, with the last answer. It shows on a
// terminal what it waits for. Where something does not answer, not even the pidfile's
// directory is touched.
func (c Change) Await(show io.Writer) (last matcher.Report, came bool, err error) {
	if c.Unanswered != "" {
		last, err = c.look()
		return last, false, err
	}
	begun := time.Now()
	until := begun.Add(c.Limit)
	progress := say.Progress{To: show, Begun: begun, Limit: c.Limit}
	defer progress.Clear()
	// For an end inotify(7) is not needed, and closing it costs some 10 ms
	// (synchronize_srcu in the kernel's fsnotify).
	var watch *matcher.Watch
	if c.Started {
		watch = matcher.NewWatch(c.Instance.Pidfile)
		defer watch.Close()
	}
	for {
		if watch != nil {
			watch.Arm()
		}
		report, err := c.look()
		if err != nil {
			return report, false, err
		}
		living := report.Living()
		switch {
		case c.cameTrue(report):
			report.Release()
			return report, true, nil
		case !time.Now().Before(until):
			report.Release()
			return report, false, nil
		case !c.Started && len(living) > 0:
			if left := c.awaitEnd(living, until, &progress); len(left) > 0 && !c.Workers {
				report.Release()
				return report, false, nil
			}
		case watch == nil: // nobody's end is to be waited for, so the pidfile has to change
			watch = matcher.NewWatch(c.Instance.Pidfile)
			defer watch.Close()
		default:
			c.awaitChange(watch, &report, until, &progress)
		}
		report.Release()
	}
}

func (c Change) look() (matcher.Report, error) {
	in := c.Instance
	in.Hold = true
	in.Unclaimed = matcher.CountNone
	if c.Workers && !c.Started {
		in.Unclaimed, in.Others = matcher.CountAny, true
	}
	return c.Check(in)
}

func (c Change) cameTrue(r matcher.Report) bool {
	if c.Started {
		return r.Verdict == matcher.Running
	}
	return r.Verdict == matcher.Dead || r.Verdict == matcher.NotRunning
}

// awaitEnd returns when all these have ended: a daemon may remove its pidfile
// long before. Whose the others are is looked at again from time to time, because
// another instance may just be starting.
func (c Change) awaitEnd(of []*matcher.Process, until time.Time, progress *say.Progress) (left []*matcher.Process) {
	if c.Workers {
		until = earliest(until, time.Now().Add(workersTick))
	}
	for len(of) > 0 && time.Now().Before(until) {
		wake := progress.Show(c.doing(of))
		of = matcher.AwaitEnd(of, earliest(until, wake))
	}
	return of
}

// awaitChange returns when the answer may have changed.
func (c Change) awaitChange(watch *matcher.Watch, r *matcher.Report, until time.Time, progress *say.Progress) {
	of := r.Living()
	tick := mountTick
	if r.Verdict == matcher.Unknown || len(of) > 0 {
		tick = execTick
	}
	until = earliest(until, time.Now().Add(tick))
	for time.Now().Before(until) {
		wake := progress.Show(c.doing(of))
		watch.Await(of, earliest(until, wake))
		if time.Now().Before(wake) {
			return
		}
	}
}

// earliest is the first of two points in time.
func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// doing is what the progress line says.
func (c Change) doing(of []*matcher.Process) string {
	name := filepath.Base(c.Instance.Daemon)
	if c.Started {
		return "waiting for " + name + " to start"
	}
	var pids []string
	for _, p := range of {
		pids = append(pids, fmt.Sprint(p.Evidence.PID))
	}
	return fmt.Sprintf("waiting for %s to stop (PID %s)", name, strings.Join(pids, " "))
}
