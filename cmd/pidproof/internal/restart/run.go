package restart

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/cmd/pidproof/internal/record"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/cmd/pidproof/internal/say"
)

// Run restarts instances, one after another.
type Run struct {
	*say.Console
	*ask.Asker
	command  string // pidproof's
	withOurs bool   // also the instance that we run under
	limit    time.Duration
	signals  chan os.Signal

	restarted, leftAlone int
	// Failed is how many were not restarted, or did not come back.
	Failed int
	// Stopped: a signal came; the instance in work is finished first.
	Stopped bool
}

// New gives a run. Signals that would end us are its own until Close.
func New(c *say.Console, a *ask.Asker, command string, withOurs bool, limit time.Duration) *Run {
	r := &Run{Console: c, Asker: a, command: command, withOurs: withOurs, limit: limit, signals: make(chan os.Signal, 1)}
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup(1)
			signal.Notify(r.signals, s)
		}
	}
	return r
}

// Close gives the signals back.
func (r *Run) Close() { signal.Stop(r.signals) }

// All restarts those of the registered instances that are outdated.
func (r *Run) All(registered []registry.Registration) (doubts int) {
	found, doubts := Outdated(r.Console, r.Asker, registered)
	for _, i := range found {
		i.Report.Release() // others are restarted first, and may take it with them
	}
	for _, i := range found {
		select {
		case <-r.signals:
			r.Stopped = true
		default:
		}
		switch {
		case r.Stopped:
			r.leaveAlone(i, "interrupted")
			continue
		case r.Lost != nil: // the next command could not write either, and die of it half-way: SIGPIPE
			r.leaveAlone(i, "what is said could not be written")
			continue
		}
		now, err := instances.LookAt(r.Asker, i.Registration)
		switch {
		case err != nil:
			r.fail(i, "cannot tell: "+err.Error())
		case !now.Outdated():
			r.leaveAlone(i, explain.Summary(now.Report))
		default:
			r.one(now)
		}
		now.Report.Release()
	}
	return doubts
}

// one restarts an instance, unless there is a reason to leave it alone.
func (r *Run) one(i instances.Instance) {
	switch err := Refusal(i, r.withOurs); {
	case errors.Is(err, errOurs):
		r.leaveAlone(i, err.Error())
		return
	case err != nil:
		r.fail(i, err.Error())
		return
	}
	r.Say("%s: restarting: %s", i.Name, i.Command())
	err := r.execute(i)
	r.record(i, err)
	switch {
	case errors.Is(err, errDenied):
		r.leaveAlone(i, err.Error())
	case err != nil:
		r.fail(i, err.Error())
	default:
		r.restarted++
	}
}

// record has the log keep what became of an instance whose restart command was run.
func (r *Run) record(i instances.Instance, failure error) {
	done := "restarted"
	if failure != nil {
		done = "not restarted: " + failure.Error()
	}
	record.Entry{Command: r.command, Caller: r.Caller, Pidfile: i.Pidfile}.Did(append([]record.Field{
		{Name: "instance", Value: i.Name}, {Name: "command", Value: i.Command()}, {Name: "done", Value: done},
	}, record.Process(i.Main())...)...)
}

func (r *Run) fail(i instances.Instance, why string) {
	r.Failed++
	r.tell("%s: failed: %s", i.Name, why)
}

func (r *Run) leaveAlone(i instances.Instance, why string) {
	r.leftAlone++
	r.tell("%s: left alone: %s", i.Name, why)
}

// tell says what somebody has to know, on standard error where the other is lost.
func (r *Run) tell(format string, args ...any) {
	if r.Say(format, args...); r.Lost != nil {
		r.Warn(format, args...)
	}
}

// Found is how many ran an old binary.
func (r *Run) Found() int { return r.restarted + r.Failed + r.leftAlone }

// Summary says what was done; named: with these of the registered instances.
func (r *Run) Summary(doubts int, named bool) {
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{{r.restarted, "restarted"}, {r.Failed, "failed"}, {r.leftAlone, "left alone"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(parts) == 0 {
		NoneOutdated(r.Console, doubts, named)
		return
	}
	r.Say("%s ran an old binary: %s.", say.Count(r.Found(), "instance"), strings.Join(parts, ", "))
}

// NoneOutdated says that there was nothing to do; named: with these of the registered instances.
func NoneOutdated(c *say.Console, doubts int, named bool) {
	switch {
	case named && doubts > 0:
		c.Say("None of these instances is known to run an old binary; of %d it cannot be told.", doubts)
	case named: // of the others nothing is known
		c.Say("None of these instances runs an old binary.")
	case doubts > 0:
		c.Say("No registered instance is known to run an old binary; of %d it cannot be told.", doubts)
	default:
		c.Say("No registered instance runs an old binary.")
	}
}

// Limit is that of --time: a database may take minutes to stop.
const Limit = 5 * time.Minute
