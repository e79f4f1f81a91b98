package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"pidproof/matcher"
)

type pidofprocCmd struct{ instanceArgs }

func (pidofprocCmd) Help() string {
	return `Without -p, and without /var/run/BASE.pid, every process that runs the daemon is printed, as Debian's pidofproc does. LSB's exit status: 0 running, 1 dead and the pidfile exists, 3 not running, 4 unknown.`
}

func (cmd pidofprocCmd) Run(c *console) error {
	in := cmd.instance()
	in.Unclaimed = matcher.CountNone
	report, err := c.check(in)
	if err != nil {
		return err
	}
	if cmd.Pidfile == nil && report.Verdict == matcher.NotRunning {
		return cmd.scan(c)
	}
	verdict := report.Verdict
	// As Debian's: an ordinary user is told of a process that seems right. It
	// is not his, so he cannot signal it.
	if plausible(report) && !report.Main.Evidence.AsRoot {
		verdict = matcher.Running
	}
	switch verdict {
	case matcher.Running:
		c.say("%d", report.Pidfile.PID)
	case matcher.Unknown:
		c.warn("%s", summary(report))
	}
	c.exit = exitCode(verdict)
	return nil
}

// scan answers without a pidfile.
func (cmd pidofprocCmd) scan(c *console) error {
	pids, err := c.allPIDs(cmd.Daemon)
	if err != nil {
		return err
	}
	if len(pids) == 0 {
		c.exit = exitCode(matcher.NotRunning)
		return nil
	}
	c.say("%s", strings.Join(pids, " "))
	return nil
}

// allPIDs is what Debian's pidofproc falls back to: pidof -c -o %PPID -x.
func (c *console) allPIDs(daemon string) ([]string, error) {
	pids, err := c.find(daemon, matcher.Finding{Scripts: true, SameRoot: os.Geteuid() == 0})
	if err != nil {
		return nil, err
	}
	var out []string
	caller, err := matcher.Caller(c.caller)
	if err != nil {
		return nil, fmt.Errorf("who asks cannot be told: %w", err)
	}
	for _, pid := range pids {
		if !slices.Contains(caller, pid) {
			out = append(out, strconv.Itoa(pid))
		}
	}
	return out, nil
}
