package main

import (
	"errors"
	"fmt"
	"strings"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/ssd"
	"pidproof/matcher"
)

func ssdStop(c *console, o ssd.Options, criteria matcher.Criteria, m matcher.Matched) error {
	what := whatStop(o)
	switch {
	case m.Verdict == matcher.Running:
		for _, pid := range m.Unclear {
			c.Warn("%s: %d may be meant as well: %s; left alone", handover.StartStopDaemon, pid, m.Reason)
		}
		if o.Test {
			return ssdTest(c, o, m)
		}
	case m.Verdict == matcher.Unknown && m.Rule == matcher.RuleLate && o.Exec == "":
		// A number that has changed hands is nobody's, as far as a package that is
		// removed is concerned; a signal would reach a bystander.
		c.Warn("%s: %s; left alone", handover.StartStopDaemon, m.Reason)
		c.inform(o, "No %s found running; none killed.", what)
		c.exit = nothingDone(o)
		return nil
	case m.Verdict == matcher.Unknown:
		c.Warn("%s: cannot tell%s: %s; nothing was signalled", handover.StartStopDaemon, about(m), m.Reason)
		c.exit = ssdTrouble
		return nil
	default:
		if m.Taken && m.Rule == matcher.RuleRecycled {
			c.Warn("%s: %s; %d is left alone", handover.StartStopDaemon, m.Reason, m.Pidfile.PID)
		}
		if o.RemovePidfile && m.Verdict == matcher.Dead && !o.Test {
			c.removePidfile(m.Pidfile)
		}
		c.inform(o, "No %s found running; none killed.", what)
		c.exit = nothingDone(o)
		return nil
	}

	s := stopping{sent: func(pids []string, nth int) {
		if o.Verbose {
			retry := ""
			if nth > 0 {
				retry = fmt.Sprintf(", retry #%d", nth)
			}
			c.inform(o, "Stopped %s (pid %s)%s.", what, strings.Join(pids, " "), retry)
		}
	}}
	for i := range m.Found {
		s.targets = append(s.targets, &m.Found[i])
	}
	if o.Pidfile == "" && o.PID == 0 {
		s.more = func() (matcher.Rest, error) {
			again, err := c.Match(criteria)
			if err == nil && again.Verdict == matcher.Unknown {
				err = errors.New(again.Reason)
			}
			return matcher.Rest{Left: again.Found}, err
		}
	}
	schedule := ssd.Schedule{Steps: []ssd.Step{{Signal: o.Signal}}, Repeat: -1}
	if o.Retry != nil {
		schedule = *o.Retry
	}
	ended := s.carryOut(schedule)
	switch {
	case s.refused != nil:
		c.Warn("%s: %v", handover.StartStopDaemon, s.refused)
		c.exit = ssdTrouble
		return nil
	case s.unseen != nil:
		c.Warn("%s: whether all have ended is not known: %v", handover.StartStopDaemon, s.unseen)
		c.exit = ssdTrouble
		return nil
	case o.Retry != nil && !ended:
		c.inform(o, "Program %s, %d process(es), refused to die.", what, len(s.targets))
		c.exit = ssdStillRuns
		return nil
	case len(s.reached) == 0: // all had ended when they were to be signalled
		c.inform(o, "No %s found running; none killed.", what)
		c.exit = nothingDone(o)
	}
	if o.RemovePidfile {
		c.removePidfile(m.Pidfile)
	}
	return nil
}

// ssdTest says what would be done.
func ssdTest(c *console, o ssd.Options, m matcher.Matched) error {
	if o.Retry != nil {
		c.inform(o, "Ignoring --retry in test mode")
	}
	for _, p := range m.Found {
		c.inform(o, "Would send signal %d to %d.", int(o.Signal), p.Evidence.PID)
	}
	return nil
}

// whatStop is what dpkg's messages call the processes.
func whatStop(o ssd.Options) string {
	switch {
	case o.Name != "":
		return o.Name
	case o.Exec != "":
		return o.Exec
	case o.Pidfile != "":
		return "process in pidfile '" + o.Pidfile + "'"
	case o.PID != 0:
		return fmt.Sprintf("process with pid %d", o.PID)
	case o.PPID != 0:
		return fmt.Sprintf("process(es) with parent pid %d", o.PPID)
	}
	return "process(es) owned by '" + o.User + "'"
}
