package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

type waitCmd struct {
	For string `arg:"" name:"state" enum:"started,stopped" help:"What to wait for: started or stopped."`
	instanceArgs
	Time    limit `short:"t" default:"30" placeholder:"SECONDS" help:"Wait at most this long; 0: do not wait. Default: 30."`
	Workers bool  `help:"stopped: until nothing of the daemon is left that another pidfile does not account for."`
}

func (waitCmd) Help() string {
	return `It is started when check says that it runs, stopped when check says that it is safe to start; without --workers, as far as the pidfile and its process go. Exit status: 0 it came true, 1 it did not in time, 4 it cannot be told.`
}

// limit is a duration that may be 0; a bare number means seconds.
type limit time.Duration

func (l *limit) UnmarshalText(text []byte) error {
	d, err := parseTime(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no time (0, 10, 10s, 500ms)", text)
	}
	*l = limit(d)
	return nil
}

func (cmd waitCmd) lasts() time.Duration { return time.Duration(cmd.Time) }

// execTick is how often to look at a process that is not the daemon yet: no
// event tells of an execve(2).
const execTick = 50 * time.Millisecond

// mountTick is how often to look because a file system may have been mounted over
// a directory on the way: inotify(7) does not tell.
const mountTick = 2 * time.Second

// workersTick is how often other instances' pidfiles are looked at.
const workersTick = time.Second

func (cmd waitCmd) Run(c *console) error {
	if c.Unanswered != "" { // not even the pidfile's directory may be touched
		report, err := cmd.look(c)
		return errors.Join(err, cmd.gaveUp(c, report))
	}
	begun := time.Now()
	until := begun.Add(time.Duration(cmd.Time))
	progress := say.Progress{To: c.Stderr, Begun: begun, Limit: time.Duration(cmd.Time)}
	defer progress.Clear()
	// For an end inotify(7) is not needed, and closing it costs some 10 ms
	// (synchronize_srcu in the kernel's fsnotify).
	var watch *matcher.Watch
	if cmd.For == "started" {
		watch = matcher.NewWatch(cmd.pidfile())
		defer watch.Close()
	}
	for {
		if watch != nil {
			watch.Arm()
		}
		report, err := cmd.look(c)
		if err != nil {
			return err
		}
		living := report.Living()
		switch {
		case cmd.cameTrue(report):
			report.Release()
			return nil
		case !time.Now().Before(until):
			report.Release()
			progress.Clear()
			return cmd.gaveUp(c, report)
		case cmd.For == "stopped" && len(living) > 0:
			if left := cmd.awaitEnd(living, until, &progress); len(left) > 0 && !cmd.Workers {
				progress.Clear()
				defer report.Release()
				return cmd.gaveUp(c, report)
			}
		case watch == nil: // nobody's end is to be waited for, so the pidfile has to change
			watch = matcher.NewWatch(cmd.pidfile())
			defer watch.Close()
		default:
			cmd.awaitChange(watch, &report, until, &progress)
		}
		report.Release()
	}
}

func (cmd waitCmd) look(c *console) (matcher.Report, error) {
	in := cmd.instance()
	in.Hold = true
	in.Unclaimed = matcher.CountNone
	if cmd.Workers && cmd.For == "stopped" {
		in.Unclaimed, in.Others = matcher.CountAny, true
	}
	return c.Check(in)
}

func (cmd waitCmd) cameTrue(r matcher.Report) bool {
	if cmd.For == "started" {
		return r.Verdict == matcher.Running
	}
	return r.Verdict == matcher.Dead || r.Verdict == matcher.NotRunning
}

// awaitEnd returns when all these have ended: a daemon may remove its pidfile
// long before. Whose the others are is looked at again from time to time, because
// another instance may just be starting.
func (cmd waitCmd) awaitEnd(of []*matcher.Process, until time.Time, progress *say.Progress) (left []*matcher.Process) {
	if cmd.Workers {
		until = earliest(until, time.Now().Add(workersTick))
	}
	for len(of) > 0 && time.Now().Before(until) {
		wake := progress.Show(cmd.doing(of))
		of = matcher.AwaitEnd(of, earliest(until, wake))
	}
	return of
}

// awaitChange returns when the answer may have changed.
func (cmd waitCmd) awaitChange(watch *matcher.Watch, r *matcher.Report, until time.Time, progress *say.Progress) {
	of := r.Living()
	tick := mountTick
	if r.Verdict == matcher.Unknown || len(of) > 0 {
		tick = execTick
	}
	until = earliest(until, time.Now().Add(tick))
	for time.Now().Before(until) {
		wake := progress.Show(cmd.doing(of))
		watch.Await(of, earliest(until, wake))
		if time.Now().Before(wake) {
			return
		}
	}
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// doing is what the progress line says.
func (cmd waitCmd) doing(of []*matcher.Process) string {
	name := filepath.Base(cmd.Daemon)
	if cmd.For == "started" {
		return "waiting for " + name + " to start"
	}
	var pids []string
	for _, p := range of {
		pids = append(pids, fmt.Sprint(p.Evidence.PID))
	}
	return fmt.Sprintf("waiting for %s to stop (PID %s)", name, strings.Join(pids, " "))
}

func (cmd waitCmd) gaveUp(c *console, r matcher.Report) error {
	if c.exit = exitcode.Refused; r.Verdict == matcher.Unknown {
		c.exit = exitcode.Unknown
	}
	if in := cmd.instance(); cmd.For == "started" && r.Verdict != matcher.Unknown {
		var err error
		if r, err = c.Check(in); err != nil { // also who runs without a pidfile
			return err
		}
	}
	after := ""
	if cmd.Time > 0 {
		after = "after " + matcher.Span(time.Duration(cmd.Time)) + ": "
	}
	c.Warn("%s%s", after, explain.Summary(r))
	return nil
}
