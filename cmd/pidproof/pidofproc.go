package main

import (
	"fmt"
	"strings"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/matcher"
)

type pidofprocCmd struct{ instanceArgs }

func (pidofprocCmd) Help() string {
	return `Without -p, and where /var/run/BASE.pid does not exist or is stale, every process that runs the daemon is printed. LSB's exit status: 0 running, 1 dead and the pidfile exists, 3 not running, 4 unknown.`
}

func (cmd pidofprocCmd) Run(c *console) error {
	in := cmd.instance()
	in.PidfileOnly, in.Default = true, false // all are printed where there is no pidfile
	report, err := c.Check(in)
	if err != nil {
		return err
	}
	if cmd.Pidfile == nil && (report.Verdict == matcher.NotRunning || report.Verdict == matcher.Dead) {
		return cmd.scan(c, report.Verdict)
	}
	verdict := report.Verdict
	// As Debian's: an ordinary user is told of a process that seems right. It
	// is not his, so he cannot signal it.
	if plausible(report) && (report.ManyBelow() || !report.Main.Evidence.AsRoot) {
		verdict = matcher.Running
	}
	switch verdict {
	case matcher.Running:
		c.Say("%s", joined(report.PIDs()))
	case matcher.Unknown:
		c.Warn("%s", explain.Summary(report))
	}
	c.exit = exitcode.Of(verdict)
	return nil
}

// joined are PIDs as LSB prints them.
func joined(pids []int) string { return strings.Trim(fmt.Sprint(pids), "[]") }

// scan answers without a pidfile, or where the default one is stale: scripts write what is
// printed into theirs (rpcbind's does, which emptied it).
func (cmd pidofprocCmd) scan(c *console, otherwise matcher.Verdict) error {
	pids, err := c.AllPIDs(cmd.Daemon)
	if err != nil {
		return err
	}
	if len(pids) == 0 {
		c.exit = exitcode.Of(otherwise)
		return nil
	}
	c.Say("%s", strings.Join(pids, " "))
	return nil
}
