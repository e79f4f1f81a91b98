package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"pidproof/cmd/pidproof/internal/ssd"
	"pidproof/matcher"
)

type startStopDaemonCmd struct {
	Words []string `arg:"" optional:"" name:"option" help:"dpkg's options; see start-stop-daemon(8)."`
}

// Exit codes of start-stop-daemon(8).
const (
	ssdDone        = 0
	ssdNothingDone = 1
	ssdStillRuns   = 2
	ssdTrouble     = 3
)

func (cmd startStopDaemonCmd) Run(c *console) error {
	o, err := ssd.Parse(cmd.Words)
	trouble := func(err error) error {
		c.warn("%s: %v", ssdName, err)
		if c.exit = ssdTrouble; o.Action == ssd.Status {
			c.exit = exitUnknown
		}
		return nil
	}
	switch {
	case errors.Is(err, ssd.ErrUnknownOption), err == nil && (o.Action == ssd.Help || o.Action == ssd.Version):
		if _, noReal := findRealSSD(); noReal != nil {
			return trouble(errors.Join(err, noReal))
		}
		c.handOver = true
		return nil
	case err != nil:
		return trouble(err)
	}
	criteria, err := criteriaOf(o)
	if err != nil {
		return trouble(err)
	}
	m, err := c.match(criteria)
	if err != nil {
		return trouble(err)
	}
	defer m.Release()
	switch o.Action {
	case ssd.Status:
		return ssdStatus(c, m)
	case ssd.Start:
		return ssdStart(c, o, m)
	}
	return ssdStop(c, o, criteria, m)
}

func (cmd startStopDaemonCmd) become() error { return becomeRealSSD(cmd.Words) }
func (startStopDaemonCmd) exitFailed() int   { return ssdTrouble }

func (cmd startStopDaemonCmd) touches() (paths []string) {
	o, err := ssd.Parse(cmd.Words)
	if err != nil {
		return nil
	}
	if criteria, err := criteriaOf(o); err == nil {
		for _, path := range []string{criteria.Exec, criteria.Pidfile} {
			if path != "" {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// lasts: what a schedule waits, all in all; one with forever has no end.
func (cmd startStopDaemonCmd) lasts() (sum time.Duration) {
	o, err := ssd.Parse(cmd.Words)
	if err != nil || o.Retry == nil {
		return 0
	}
	if o.Retry.Repeat >= 0 {
		return forever
	}
	for _, step := range o.Retry.Steps {
		sum = min(sum+step.Wait, forever)
	}
	return sum
}

// criteriaOf is what the matching options ask for. As dpkg's, a relative
// executable is one of --chdir, by default of /, and all are of --chroot.
func criteriaOf(o ssd.Options) (matcher.Criteria, error) {
	c := matcher.Criteria{PID: o.PID, PPID: o.PPID, Name: o.Name}
	if o.Pidfile != "" {
		c.Pidfile = absolute(o.Pidfile)
	}
	if c.Exec = o.Exec; c.Exec != "" {
		if !filepath.IsAbs(c.Exec) {
			c.Exec = o.Chdir + "/" + c.Exec
		}
		if o.Chroot != "" {
			c.Exec = o.Chroot + "/" + c.Exec
		}
		if !filepath.IsAbs(c.Exec) {
			c.Exec = "/" + c.Exec
		}
	}
	if o.User == "" {
		return c, nil
	}
	uid, err := strconv.Atoi(o.User)
	if err != nil || uid < 0 {
		if uid, err = lookUpUser(o.User); err != nil {
			return c, err
		}
	}
	c.UID = &uid
	return c, nil
}

// lookUpUser asks /etc/passwd and, as a static binary cannot ask a directory
// service, getent(1).
func lookUpUser(name string) (uid int, err error) {
	if u, err := user.Lookup(name); err == nil {
		return strconv.Atoi(u.Uid)
	}
	ctx, cancel := context.WithTimeout(context.Background(), getentPatience)
	defer cancel()
	line, err := exec.CommandContext(ctx, "getent", "passwd", "--", name).Output()
	if fields := strings.Split(string(line), ":"); err == nil && len(fields) > 2 && fields[0] == name {
		return strconv.Atoi(fields[2])
	}
	return 0, fmt.Errorf("user %q not found", name)
}

const getentPatience = 5 * time.Second

func ssdStatus(c *console, m matcher.Matched) error {
	switch {
	case m.Verdict == matcher.Unknown && m.Plausible:
		c.exit = exitCode(matcher.Running)
		return nil
	case m.Verdict == matcher.Unknown:
		c.warn("%s: cannot tell%s: %s", ssdName, about(m), m.Reason)
	}
	c.exit = exitCode(m.Verdict)
	return nil
}

func ssdStart(c *console, o ssd.Options, m matcher.Matched) error {
	switch m.Verdict {
	case matcher.Running:
		what := "process"
		if o.Exec != "" {
			what = o.Exec
		}
		c.inform(o, "%s already running.", what)
		c.exit = nothingDone(o)
	case matcher.Unknown:
		c.warn("%s: cannot tell%s: %s; not started", ssdName, about(m), m.Reason)
		c.exit = ssdTrouble
	case matcher.Dead:
		return ssdStartDead(c, o, m)
	default:
		c.handOver = true
	}
	return nil
}

// ssdStartDead starts a daemon whose pidfile names somebody else. The real program
// would take him for the daemon, so the pidfile is emptied before it looks, and
// asked for a test it is not asked at all.
func ssdStartDead(c *console, o ssd.Options, m matcher.Matched) error {
	switch {
	case !m.Taken:
	case o.Test:
		what := o.Startas
		if what == "" {
			what = o.Exec
		}
		c.inform(o, "Would start %s.", strings.Join(append([]string{what}, o.Args...), " "))
		return nil
	default:
		if err := m.Pidfile.Empty(); err != nil {
			c.warn("%s: %v", ssdName, err)
		}
	}
	c.handOver = true
	return nil
}

func nothingDone(o ssd.Options) int {
	if o.OKNoDo {
		return ssdDone
	}
	return ssdNothingDone
}

func ssdStop(c *console, o ssd.Options, criteria matcher.Criteria, m matcher.Matched) error {
	what := whatStop(o)
	switch {
	case m.Verdict == matcher.Running:
		for _, pid := range m.Unclear {
			c.warn("%s: %d may be meant as well: %s; left alone", ssdName, pid, m.Reason)
		}
		if o.Test {
			return ssdTest(c, o, m)
		}
	case m.Verdict == matcher.Unknown && m.Rule == matcher.RuleLate && o.Exec == "":
		// A number that has changed hands is nobody's, as far as a package that is
		// removed is concerned; a signal would reach a bystander.
		c.warn("%s: %s; left alone", ssdName, m.Reason)
		c.inform(o, "No %s found running; none killed.", what)
		c.exit = nothingDone(o)
		return nil
	case m.Verdict == matcher.Unknown:
		c.warn("%s: cannot tell%s: %s; nothing was signalled", ssdName, about(m), m.Reason)
		c.exit = ssdTrouble
		return nil
	default:
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
			again, err := c.match(criteria)
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
		c.warn("%s: %v", ssdName, s.refused)
		c.exit = ssdTrouble
		return nil
	case s.unseen != nil:
		c.warn("%s: whether all have ended is not known: %v", ssdName, s.unseen)
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

// about says whom an answer is about.
func about(m matcher.Matched) string {
	if m.Pidfile.PID == 0 {
		return ""
	}
	return fmt.Sprintf(" about PID %d from %s", m.Pidfile.PID, m.Pidfile.Path)
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

// inform says on standard output what --quiet leaves out. No script waits for it,
// so that it was lost, as on a full disk, changes no exit code.
func (c *console) inform(o ssd.Options, format string, args ...any) {
	if !o.Quiet {
		fmt.Fprintln(c.stdout, printable(fmt.Sprintf(format, args...)))
	}
}
