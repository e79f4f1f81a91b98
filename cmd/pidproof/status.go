package main

import (
	"path/filepath"
	"strings"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/matcher"
)

type statusCmd struct {
	instanceArgs
	Name string `arg:"" optional:"" help:"What to call the service. Default: the daemon's name."`
}

func (statusCmd) Help() string {
	return `Without -p, and without /var/run/BASE.pid, any process that runs the daemon counts, as with Debian's status_of_proc. LSB's exit status: 0 running, 1 dead and the pidfile exists, 3 not running, 4 unknown. Unclaimed processes are mentioned on standard error and change nothing. Where only root may see the executable, a process of the right name and user counts as running.`
}

func (statusCmd) answersByExit() {}

func (cmd statusCmd) Run(c *console) error {
	in := cmd.instance()
	in.Default = false // any of them counts where there is no pidfile
	report, err := c.Check(in)
	if err != nil {
		return err
	}
	name := cmd.Name
	if name == "" {
		name = filepath.Base(cmd.Daemon)
	}
	verdict := lsbVerdict(report)
	if cmd.Pidfile == nil && verdict == matcher.NotRunning {
		pids, err := c.AllPIDs(cmd.Daemon)
		if err != nil {
			return err
		}
		if len(pids) > 0 {
			c.Say("%s is running (PID %s)", name, strings.Join(pids, " "))
			return nil
		}
	}
	switch verdict {
	case matcher.Running:
		c.Say("%s is running (PID %s)", name, joined(report.PIDs()))
	case matcher.Dead:
		c.Say("%s is not running, but its pidfile exists", name)
	case matcher.NotRunning:
		c.Say("%s is not running", name)
	default:
		c.Say("%s: status unknown: %s", name, report.Reason)
	}
	if blocking := report.Blocking(); len(blocking) > 0 {
		c.Warn("%s", explain.Summary(report))
	}
	c.exit = exitcode.Of(verdict)
	return nil
}

// lsbVerdict is the pidfile's part of the answer: LSB has no word for
// unclaimed processes, and its callers must not fail because of them.
func lsbVerdict(r matcher.Report) matcher.Verdict {
	if plausible(r) {
		return matcher.Running
	}
	return r.PidfileVerdict
}

func plausible(r matcher.Report) bool {
	return r.Main != nil && r.Main.Decision.Outcome.Plausible()
}
