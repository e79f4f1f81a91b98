// Package await waits until a daemon has started, or has stopped, and tells a person at
// a terminal meanwhile.
package await

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

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
const workersTick = 2 * time.Second

// Await returns when it came true, or not in time, with the last answer. It shows on a
// terminal what it waits for. Where something does not answer, not even the pidfile's
// directory is touched.
func (c Change) Await(show io.Writer) (last matcher.Report, came bool, err error) {
	if c.Unanswered != "" {
		last, err = c.look()
		return last, false, err
	}
	begun := time.Now()
	ctx, cancel := context.WithDeadline(context.Background(), begun.Add(c.Limit))
	defer cancel()
	progress := say.Progress{To: show, Begun: begun, Limit: c.Limit}
	defer progress.Clear()
	if progress.Visible() {
		var stop func()
		ctx, stop = interruptible(ctx, &progress)
		defer stop()
	}
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
		case ctx.Err() != nil:
			report.Release()
			return report, false, nil
		case !c.Started && len(living) > 0:
			if left := c.awaitEnd(ctx, living, &progress); len(left) > 0 && !c.Workers {
				report.Release()
				return report, false, nil
			}
		case watch == nil: // nobody's end is to be waited for, so the pidfile has to change
			watch = matcher.NewWatch(c.Instance.Pidfile)
			defer watch.Close()
		default:
			c.awaitChange(ctx, watch, &report, &progress)
		}
		report.Release()
	}
}

// interruptible gives a context that Ctrl-C ends, too. The progress line is taken away
// then, and whoever called us sees that we were interrupted, as without us: a shell's loop
// ends by that. Whoever has no line to see is spared the threads that os/signal starts.
func interruptible(ctx context.Context, progress *say.Progress) (context.Context, func()) {
	if signal.Ignored(os.Interrupt) { // nohup(1), a job in the background
		return ctx, func() {}
	}
	bounded := ctx
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	context.AfterFunc(ctx, stop) // whoever presses it again need not wait for us
	return ctx, func() {
		interrupted := ctx.Err() != nil && bounded.Err() == nil
		if stop(); interrupted {
			progress.Clear()
			runtime.LockOSThread() // whom it is sent to gets it before the call returns
			_ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGINT)
		}
	}
}

func (c Change) look() (matcher.Report, error) {
	in := c.Instance
	in.Hold = true
	in.PidfileOnly = true
	if c.Workers && !c.Started {
		in.PidfileOnly, in.Others = false, true
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
func (c Change) awaitEnd(ctx context.Context, of []*matcher.Process, progress *say.Progress) (left []*matcher.Process) {
	if c.Workers {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, workersTick)
		defer cancel()
	}
	for len(of) > 0 && ctx.Err() == nil {
		shown, cancel := context.WithDeadline(ctx, progress.Show(c.doing(of)))
		of = matcher.AwaitEnd(shown, of)
		cancel()
	}
	return of
}

// awaitChange returns when the answer may have changed.
func (c Change) awaitChange(ctx context.Context, watch *matcher.Watch, r *matcher.Report, progress *say.Progress) {
	of := r.Living()
	tick := mountTick
	if r.Verdict == matcher.Unknown || len(of) > 0 {
		tick = execTick
	}
	ctx, cancel := context.WithTimeout(ctx, tick)
	defer cancel()
	for ctx.Err() == nil {
		wake := progress.Show(c.doing(of))
		shown, cancel := context.WithDeadline(ctx, wake)
		watch.Await(shown, of)
		cancel()
		if time.Now().Before(wake) {
			return
		}
	}
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
