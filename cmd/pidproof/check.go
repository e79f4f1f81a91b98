package main

import (
	"fmt"
	"path/filepath"

	"pidproof/matcher"
)

// instanceArgs are what every question about one instance takes.
type instanceArgs struct {
	Pidfile string `short:"p" placeholder:"PIDFILE" help:"The instance's pidfile. Default: /var/run/BASE.pid, BASE being the daemon's name."`
	Daemon  string `arg:"" help:"The daemon's executable: a path, or a name in PATH or the sbin directories."`
}

// pidfile is the one asked for, or LSB's default.
func (a instanceArgs) pidfile() string {
	if a.Pidfile != "" {
		return a.Pidfile
	}
	return "/var/run/" + filepath.Base(a.Daemon) + ".pid"
}

func (a instanceArgs) instance() matcher.Instance {
	return matcher.Instance{Daemon: a.Daemon, Pidfile: a.pidfile()}
}

type countingFlag struct {
	Unclaimed matcher.Counting `enum:"any,listening,none" default:"any" placeholder:"WHICH" help:"Which unclaimed processes count: any, those listening on a socket, or none. Default: any."`
}

type checkCmd struct {
	instanceArgs
	countingFlag
	Quiet bool `short:"q" help:"Print nothing; the exit status says it."`
}

func (checkCmd) Help() string {
	return `Exit status: 0 running, 1 dead (stale pidfile, safe to start), 3 not running (safe to start), 4 unknown (touch nothing), 150 it runs outside its pidfile (left untouched).`
}

func (cmd checkCmd) Run(c *console) error {
	in := cmd.instance()
	in.Unclaimed = cmd.Unclaimed
	report, err := c.check(in)
	if err != nil {
		return err
	}
	if !cmd.Quiet {
		c.say("%s", summary(report))
	}
	c.exit = exitCode(report.Verdict)
	return nil
}

// summary is the verdict as one line for a log.
func summary(r matcher.Report) string {
	switch r.Verdict {
	case matcher.Running:
		return fmt.Sprintf("%s is running: PID %d from %s; %s", r.Daemon.Name, r.Pidfile.PID, r.Pidfile.Path, r.Reason)
	case matcher.Dead:
		return fmt.Sprintf("%s is dead: %s", r.Daemon.Name, r.Reason)
	case matcher.NotRunning:
		return fmt.Sprintf("%s is not running: %s", r.Daemon.Name, r.Reason)
	case matcher.Unclaimed:
		return fmt.Sprintf("%s runs outside its pidfile, left untouched: %s", r.Daemon.Name, r.Reason)
	}
	return fmt.Sprintf("%s: cannot tell, left untouched: %s", r.Daemon.Name, r.Reason)
}
