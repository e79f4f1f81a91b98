package stop

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/record"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/ssd"
	"pidproof/matcher"
)

// Matching is what the matching options of start-stop-daemon ask for, and how to end it.
type Matching struct {
	*say.Console
	*ask.Asker
	Options  ssd.Options
	Criteria matcher.Criteria
}

// Stop is --stop. It returns dpkg's exit code.
func (d Matching) Stop(m matcher.Matched) (exit int) {
	switch {
	case m.Verdict == matcher.Running:
		for _, pid := range m.Unclear {
			d.Warn("%s: %d may be meant as well: %s; left alone", handover.StartStopDaemon, pid, m.Reason)
		}
		if d.Options.Test {
			return d.test(m)
		}
		return d.end(m)
	case m.Verdict == matcher.Unknown && m.Rule == "late" && d.Options.Exec == "":
		// A number that has changed hands is nobody's, as far as a package that is
		// removed is concerned; a signal would reach a bystander.
		d.Warn("%s: %s; left alone", handover.StartStopDaemon, m.Reason)
		return d.nobody()
	case m.Verdict == matcher.Unknown:
		d.Warn("%s: cannot tell%s: %s; nothing was signalled", handover.StartStopDaemon, explain.About(m), m.Reason)
		return ssd.Trouble
	}
	if m.Taken && m.Rule == "recycled" {
		d.Warn("%s: %s; %d is left alone", handover.StartStopDaemon, m.Reason, m.Pidfile.PID)
	}
	if d.Options.RemovePidfile && m.Verdict == matcher.Dead && !d.Options.Test {
		RemovePidfile(d.Console, m.Pidfile)
	}
	return d.nobody()
}

// nobody says that there was nobody to end.
func (d Matching) nobody() (exit int) {
	d.inform("No %s found running; none killed.", whatStop(d.Options))
	return ssd.ExitNothingDone(d.Options)
}

// end carries out the schedule on those who were found.
func (d Matching) end(m matcher.Matched) (exit int) {
	s := stopping{
		targets: slices.Clone(m.Found),
		sent:    d.sent,
		record:  record.Entry{Command: handover.StartStopDaemon, Caller: d.Caller, Pidfile: m.Pidfile.Path},
	}
	if d.Options.Pidfile == "" && d.Options.PID == 0 {
		s.more = d.again
	}
	schedule := ssd.Schedule{Steps: []ssd.Step{{Signal: d.Options.Signal}}, Repeat: -1}
	if d.Options.Retry != nil {
		schedule = *d.Options.Retry
	}
	ended := s.carryOut(schedule)
	if d.Options.Retry != nil && ended && s.refused == nil && s.unseen == nil && m.Wrapper != nil {
		reached := s.reached
		s = s.wrapperOf(m.Wrapper, func([]*matcher.Process) ([]*matcher.Process, map[int]bool, error) { return d.again() })
		ended = s.follow(schedule)
		s.reached = reached
	}
	switch {
	case s.refused != nil:
		d.Warn("%s: %v", handover.StartStopDaemon, s.refused)
		return ssd.Trouble
	case s.unseen != nil:
		d.Warn("%s: whether all have ended is not known: %v", handover.StartStopDaemon, s.unseen)
		return ssd.Trouble
	case d.Options.Retry != nil && !ended:
		d.inform("Program %s, %d process(es), refused to die.", whatStop(d.Options), len(s.targets))
		return ssd.StillRuns
	case len(s.reached) == 0: // all had ended when they were to be signalled
		exit = d.nobody()
	}
	if d.Options.RemovePidfile {
		RemovePidfile(d.Console, m.Pidfile)
	}
	return exit
}

// again asks who else is meant by now.
func (d Matching) again() (came []*matcher.Process, others map[int]bool, err error) {
	again, err := d.Match(d.Criteria)
	if again.Wrapper != nil {
		again.Wrapper.Release()
	}
	if err == nil && again.Verdict == matcher.Unknown {
		err = errors.New(again.Reason)
	}
	return again.Found, nil, err
}

// sent says who got the nth signal.
func (d Matching) sent(pids []string, signal syscall.Signal, nth int) {
	if signal == syscall.SIGKILL && nth > 0 {
		d.Warn("%s: %s: process %s had not ended, and was sent KILL", handover.StartStopDaemon, whatStop(d.Options), strings.Join(pids, " "))
	}
	if !d.Options.Verbose {
		return
	}
	retry := ""
	if nth > 0 {
		retry = fmt.Sprintf(", retry #%d", nth)
	}
	d.inform("Stopped %s (pid %s)%s.", whatStop(d.Options), strings.Join(pids, " "), retry)
}

// test says what would be done.
func (d Matching) test(m matcher.Matched) (exit int) {
	if d.Options.Retry != nil {
		d.inform("Ignoring --retry in test mode")
	}
	for _, p := range m.Found {
		d.inform("Would send signal %d to %d.", int(d.Options.Signal), p.Evidence.PID)
	}
	return ssd.Done
}

// inform says what --quiet leaves out.
func (d Matching) inform(format string, args ...any) {
	if !d.Options.Quiet {
		d.Inform(format, args...)
	}
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
