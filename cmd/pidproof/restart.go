package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

type restartCmd struct {
	Replaced bool     `help:"Restart those that run a replaced or removed binary; there is no other choice."`
	DryRun   bool     `name:"dry-run" help:"Only say what would be done."`
	All      bool     `help:"Also the instance that this command runs under: a login session's sshd."`
	Time     limit    `short:"t" default:"300" placeholder:"SECONDS" help:"Wait at most this long for each restart command. Default: 300."`
	Daemons  []string `arg:"" optional:"" name:"daemon" help:"Only these: daemons, or names of instances."`
}

func (restartCmd) Help() string {
	return `pidproof restart --replaced: restarts, one after another, the registered instances that run the binary of before an upgrade, and sees to it that each comes back with the new one. Exit status: 0 none is left, 1 a restart failed, 4 it cannot be told of some what they run; also usage errors.`
}

func (cmd restartCmd) Validate() error {
	if !cmd.Replaced {
		return errors.New("say what to restart: --replaced")
	}
	return nil
}

// outdated is a registered instance that runs another file than the daemon's path
// holds now. Its main process is held.
type outdated struct {
	registry.Registration
	report matcher.Report
}

func (o outdated) main() *matcher.Process { return o.report.Main }

// what says which file it runs, as the rule that found it does.
func (o outdated) what() string {
	return fmt.Sprintf("PID %d runs the %s of before it was %s", o.main().Evidence.PID, o.Daemon, o.main().Decision.File)
}

func (cmd restartCmd) Run(c *console) error {
	registered, bad := c.registrations()
	registered, mistakes := cmd.selected(c, registered)
	nothing := mistakes > 0 && len(registered) == 0
	if cmd.DryRun {
		found, doubts := c.outdated(registered)
		doubts += bad
		for _, o := range found {
			c.Say("%s", cmd.plan(o))
			o.report.Release()
		}
		if len(found) == 0 && !nothing {
			c.noneOutdated(doubts)
		}
		c.exit = doubtful(doubts + mistakes)
		return nil
	}
	unlock, err := c.lockRestarts()
	if err != nil {
		return err
	}
	defer unlock()
	run := newRestarting(c, cmd.All, time.Duration(cmd.Time))
	defer run.close()
	doubts := run.all(registered) + bad
	if !nothing {
		run.summary(doubts)
	}
	if c.exit = doubtful(doubts + mistakes); run.failed > 0 || run.stopped {
		c.exit = exitcode.Refused
	}
	return nil
}

// plan is what would be done with an instance.
func (cmd restartCmd) plan(o outdated) string {
	err := o.refusal(cmd.All)
	if err == nil {
		err = denial(o.Registration)
	}
	if err != nil {
		return fmt.Sprintf("%s: would not be restarted: %v", o.Name, err)
	}
	return fmt.Sprintf("%s: would restart: %s (%s)", o.Name, o.Command(), o.what())
}

func doubtful(doubts int) int {
	if doubts > 0 {
		return exitcode.Unknown
	}
	return 0
}

// selected are those of the registered that are meant. A word that means none is a
// mistake.
func (cmd restartCmd) selected(c *console, all []registry.Registration) (some []registry.Registration, mistakes int) {
	wanted := selection(cmd.Daemons)
	found := map[string]bool{}
	for _, r := range all {
		d, err := daemonOf(r)
		if err != nil && len(wanted) > 0 {
			c.Warn("%s: cannot tell whether it is meant: %v", r.Name, err)
			mistakes++
		}
		if wanted.selects(r.Name, d) {
			some = append(some, r)
		}
		for _, word := range wanted {
			found[word] = found[word] || selection{word}.selects(r.Name, d)
		}
	}
	for _, word := range wanted {
		if !found[word] {
			c.Warn("no instance is registered of that name or daemon: %s", word)
			mistakes++
		}
	}
	return some, mistakes
}

// outdated looks at every one of these, for as long as one question may take, and
// says which cannot be told.
func (c *console) outdated(of []registry.Registration) (found []outdated, doubts int) {
	begun := time.Now()
	for _, r := range of {
		if c.Timeout > 0 && time.Since(begun) > c.Timeout {
			c.Warn("%s: cannot tell: there was no time left to look", r.Name)
			doubts++
			continue
		}
		o, err := c.lookAt(r)
		switch {
		case err != nil:
			c.Warn("%s: cannot tell: %v", r.Name, err)
			doubts++
		case o.isOutdated():
			found = append(found, o)
			continue
		}
		o.report.Release()
	}
	return found, doubts
}

// lookAt asks what an instance runs. An error means that it cannot be told.
func (c *console) lookAt(r registry.Registration) (outdated, error) {
	o := outdated{Registration: r}
	if where, mayHang := matcher.MayHang(r.Daemon, r.Pidfile); mayHang {
		return o, fmt.Errorf("it lies on %s, which may not answer; restart it by hand", where)
	}
	var err error
	o.report, err = c.Check(matcher.Instance{Daemon: r.Daemon, Pidfile: r.Pidfile, Unclaimed: matcher.CountNone, Hold: true})
	if err == nil && o.report.Verdict == matcher.Unknown {
		err = errors.New(o.report.Reason)
	}
	return o, err
}

func (o outdated) isOutdated() bool {
	if o.report.Verdict != matcher.Running {
		return false
	}
	file := o.main().Decision.File
	return file == matcher.FileReplaced || file == matcher.FileRemoved
}

var errOurs = errors.New("this command runs under it (--all restarts it, too)")

// refusal is why an instance is not even tried.
func (o outdated) refusal(withOurs bool) error {
	ours, err := matcher.RunsUnder(os.Getppid(), o.main())
	switch {
	case o.main().Decision.File == matcher.FileRemoved:
		return fmt.Errorf("its daemon %s does not exist any more, and a restart would only stop it; correct %s, or unregister it", o.Daemon, o.File)
	case !withOurs && ours:
		return errOurs
	case !withOurs && err != nil:
		return fmt.Errorf("whether this command runs under it cannot be told (--all restarts it anyway): %w", err)
	}
	return nil
}

// restarting restarts instances, one after another.
type restarting struct {
	*console
	withOurs bool // also the instance that we run under
	limit    time.Duration
	signals  chan os.Signal

	restarted, failed, leftAlone int
	stopped                      bool // a signal came; the instance in work is finished first
}

func newRestarting(c *console, withOurs bool, limit time.Duration) *restarting {
	r := &restarting{console: c, withOurs: withOurs, limit: limit, signals: make(chan os.Signal, 1)}
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup(1)
			signal.Notify(r.signals, s)
		}
	}
	return r
}

func (r *restarting) close() { signal.Stop(r.signals) }

// all restarts those of the registered instances that are outdated.
func (r *restarting) all(registered []registry.Registration) (doubts int) {
	found, doubts := r.outdated(registered)
	for _, o := range found {
		o.report.Release() // others are restarted first, and may take it with them
	}
	for _, o := range found {
		select {
		case <-r.signals:
			r.stopped = true
		default:
		}
		switch {
		case r.stopped:
			r.leaveAlone(o, "interrupted")
			continue
		case r.Lost != nil: // the next command could not write either, and die of it half-way: SIGPIPE
			r.leaveAlone(o, "what is said could not be written")
			continue
		}
		now, err := r.lookAt(o.Registration)
		switch {
		case err != nil:
			r.fail(o, "cannot tell: "+err.Error())
		case !now.isOutdated():
			r.leaveAlone(o, explain.Summary(now.report))
		default:
			r.one(now)
		}
		now.report.Release()
	}
	return doubts
}

// one restarts an instance, unless there is a reason to leave it alone.
func (r *restarting) one(o outdated) {
	switch err := o.refusal(r.withOurs); {
	case errors.Is(err, errOurs):
		r.leaveAlone(o, err.Error())
		return
	case err != nil:
		r.fail(o, err.Error())
		return
	}
	r.Say("%s: restarting: %s", o.Name, o.Command())
	switch err := r.execute(o); {
	case errors.Is(err, errDenied):
		r.leaveAlone(o, err.Error())
	case err != nil:
		r.fail(o, err.Error())
	default:
		r.restarted++
	}
}

func (r *restarting) fail(o outdated, why string) {
	r.failed++
	r.tell("%s: failed: %s", o.Name, why)
}

func (r *restarting) leaveAlone(o outdated, why string) {
	r.leftAlone++
	r.tell("%s: left alone: %s", o.Name, why)
}

// tell says what somebody has to know, on standard error where the other is lost.
func (r *restarting) tell(format string, args ...any) {
	if r.Say(format, args...); r.Lost != nil {
		r.Warn(format, args...)
	}
}

func (r *restarting) summary(doubts int) {
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{{r.restarted, "restarted"}, {r.failed, "failed"}, {r.leftAlone, "left alone"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(parts) == 0 {
		r.noneOutdated(doubts)
		return
	}
	r.Say("%s ran an old binary: %s.", say.Count(r.restarted+r.failed+r.leftAlone, "instance"), strings.Join(parts, ", "))
}

func (c *console) noneOutdated(doubts int) {
	if doubts > 0 {
		c.Say("No registered instance is known to run an old binary; of %d it cannot be told.", doubts)
		return
	}
	c.Say("No registered instance runs an old binary.")
}

// restartLimit is that of --time: a database may take minutes to stop.
const restartLimit = 5 * time.Minute
