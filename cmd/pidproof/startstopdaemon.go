package main

import (
	"errors"
	"strings"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/ssd"
	"pidproof/cmd/pidproof/internal/stop"
	"pidproof/matcher"
)

type startStopDaemonCmd struct {
	Words []string `arg:"" optional:"" name:"option" help:"dpkg's options; see start-stop-daemon(8)."`
}

// read takes a line as dpkg's program does; what that would refuse, as OpenRC's, where
// that is the real one.
func (cmd startStopDaemonCmd) read() (o ssd.Options, criteria matcher.Criteria, err error) {
	o, criteria, err = readAs(ssd.Dpkg, cmd.Words)
	if err != nil && handover.RealIsOpenRC() {
		return readAs(ssd.OpenRC, cmd.Words)
	}
	return o, criteria, err
}

func readAs(dialect ssd.Dialect, words []string) (o ssd.Options, criteria matcher.Criteria, err error) {
	if o, err = ssd.Parse(words, dialect); err == nil {
		criteria, err = ssd.CriteriaOf(o)
	}
	if err == nil {
		err = ssd.LookUpStarted(o)
	}
	return o, criteria, err
}

func (cmd startStopDaemonCmd) Run(c *console) error {
	o, criteria, err := cmd.read()
	trouble := func(err error) error {
		c.Warn("%s: %v", handover.StartStopDaemon, err)
		if c.exit = ssd.Trouble; o.Action.Asks() {
			c.exit = exitcode.Unknown
		}
		return nil
	}
	switch {
	case errors.Is(err, ssd.ErrUnknownOption), o.Action == ssd.Start && errors.Is(err, ssd.ErrForStarted),
		err == nil && (o.Action == ssd.Help || o.Action == ssd.Version):
		if _, noReal := handover.FindReal(handover.StartStopDaemon); noReal != nil {
			return trouble(errors.Join(err, noReal))
		}
		c.handOver = true
		return nil
	case err != nil:
		return trouble(err)
	}
	m, err := c.Match(criteria)
	if err != nil {
		return trouble(err)
	}
	defer m.Release()
	switch {
	case o.Action.Asks():
		return ssdStatus(c, o, m)
	case o.Action == ssd.Start:
		return ssdStart(c, o, criteria, m)
	case o.StopGroup && m.Verdict == matcher.Running:
		c.handOver = true // OpenRC's alone; whose group it is, is proven
		return nil
	}
	c.exit = stop.Matching{Console: c.Console, Asker: c.Asker, Options: o, Criteria: criteria}.Stop(m)
	return nil
}

func (cmd startStopDaemonCmd) become() error {
	return handover.ToReal(handover.StartStopDaemon, cmd.Words)
}
func (startStopDaemonCmd) exitFailed() int { return ssd.Trouble }

func (cmd startStopDaemonCmd) touches() (paths []string) {
	o, criteria, err := cmd.read()
	for _, path := range append([]string{criteria.Exec, criteria.Pidfile}, ssd.MayRun(o)...) {
		if err == nil && path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// lasts: what a schedule waits, all in all; one with forever has no end.
func (cmd startStopDaemonCmd) lasts() (sum time.Duration) {
	o, _, err := cmd.read()
	if err != nil || o.Retry == nil {
		return 0
	}
	if o.Retry.Repeat >= 0 {
		return forever
	}
	for _, step := range o.Retry.Steps {
		sum = min(sum+step.Wait, forever)
	}
	return min(2*sum+stop.WrapperPatience, forever) // the daemon, and its wrapper after it
}

func ssdStatus(c *console, o ssd.Options, m matcher.Matched) error {
	switch {
	case m.Pidfile.Path == "/dev/null": // names nobody, whoever runs: dpkg says so, too
		c.Warn("%s: cannot tell: /dev/null names no process", handover.StartStopDaemon)
		c.exit = exitcode.Unknown
		return nil
	case m.Verdict == matcher.Unknown && m.Plausible && o.Action == ssd.Status:
		c.exit = exitcode.Of(matcher.Running)
		return nil
	case m.Verdict == matcher.Unknown:
		c.Warn("%s: cannot tell%s: %s", handover.StartStopDaemon, explain.About(m), m.Reason)
	case o.Action == ssd.Pidof: // dpkg's --quiet leaves these in
		for _, p := range m.Found {
			c.Say("%d", p.Evidence.PID)
		}
	}
	c.exit = exitcode.Of(m.Verdict)
	return nil
}

// ssdStart is --start, as far as the question goes whether the daemon runs.
func ssdStart(c *console, o ssd.Options, criteria matcher.Criteria, m matcher.Matched) error {
	if m.Verdict == matcher.Unknown && m.Rule == "late" && o.Exec == "" {
		m = c.matchStarted(o, criteria, m)
	}
	switch m.Verdict {
	case matcher.Running:
		c.alreadyRunning(o)
		return nil
	case matcher.Unknown:
		c.Warn("%s: cannot tell%s: %s; not started", handover.StartStopDaemon, explain.About(m), m.Reason)
		c.exit = ssd.Trouble
		return nil
	}
	if o.Pidfile != "" {
		in := matcher.Instance{Daemon: ssd.Starts(o), Pidfile: criteria.Pidfile, PidfileOnly: true, Outside: true, As: ssd.StartsAs(o), With: ssd.StartsWith(o)}.Meeting(criteria)
		report, err := c.Check(in)
		if err == nil && !c.mayStart(handover.StartStopDaemon+": ", o.Test, in, report) { // what is no program is the real one's to refuse
			c.alreadyRunning(o)
			return nil
		}
	}
	if m.Verdict == matcher.Dead {
		return ssdStartDead(c, o, m)
	}
	c.handOver = true
	return nil
}

func (c *console) alreadyRunning(o ssd.Options) {
	what := "process"
	if o.Exec != "" {
		what = o.Exec
	}
	c.inform(o, "%s already running.", what)
	c.exit = ssd.ExitNothingDone(o)
}

// matchStarted asks again about a number that may have changed hands, where nothing but
// --startas and what follows it say what would run: if it runs none of that, the pidfile is
// stale, as check has it.
func (c *console) matchStarted(o ssd.Options, criteria matcher.Criteria, late matcher.Matched) matcher.Matched {
	stale := late
	for _, program := range ssd.MayRun(o) {
		criteria.Exec = program
		m, err := c.Match(criteria)
		switch {
		case errors.Is(err, matcher.ErrDaemon): // a directory, or a configuration
		case err != nil || m.Verdict == matcher.Unknown:
			m.Release()
			return late
		case m.Verdict == matcher.Running:
			m.Release() // nobody signals it
			return m
		default:
			stale = m
			stale.Taken = true // the real program compares nothing
		}
	}
	return stale
}

// ssdStartDead starts a daemon whose pidfile names somebody else. The real program, or
// the daemon itself, would take him for the daemon, so the pidfile names nobody before it
// looks; asked for a test the real one is not asked at all.
func ssdStartDead(c *console, o ssd.Options, m matcher.Matched) error {
	switch {
	case !m.Taken && (!m.Misleads || o.Test):
	case o.Test:
		what := o.Startas
		if what == "" {
			what = o.Exec
		}
		c.inform(o, "Would start %s.", strings.Join(append([]string{what}, o.Args...), " "))
		return nil
	default:
		switch err := m.Pidfile.NameNobody(); {
		case err == nil || m.Rule == "gone":
		case m.Taken:
			c.Warn("%s: %v; not started", handover.StartStopDaemon, err)
			c.exit = ssd.Trouble
			return nil
		default:
			c.Warn("%s: %v; %s", handover.StartStopDaemon, err, misled(m.Pidfile))
		}
	}
	c.handOver = true
	return nil
}

// inform says on standard output what --quiet leaves out. No script waits for it,
// so that it was lost, as on a full disk, changes no exit code.
func (c *console) inform(o ssd.Options, format string, args ...any) {
	if !o.Quiet {
		c.Inform(format, args...)
	}
}
