package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"pidproof/matcher"
)

// pidfileFlag says which instance of a daemon is meant.
type pidfileFlag struct {
	Pidfile *string `short:"p" placeholder:"PIDFILE" help:"The instance's pidfile. Default: /var/run/BASE.pid, BASE being the daemon's name."`
}

// instanceArgs are what every question about one instance takes.
type instanceArgs struct {
	pidfileFlag
	Daemon string `arg:"" help:"The daemon's executable: a path, or a name in PATH or the sbin directories."`
}

// Validate refuses what an empty shell variable makes of -p "$PIDFILE": the
// default pidfile may be another instance's.
func (f pidfileFlag) Validate() error {
	if f.Pidfile != nil && *f.Pidfile == "" {
		return errors.New("the pidfile given with -p is empty")
	}
	return nil
}

// of is the pidfile asked for, or LSB's default, as an absolute path.
func (f pidfileFlag) of(daemon string) string {
	if f.Pidfile == nil {
		return "/var/run/" + filepath.Base(daemon) + ".pid"
	}
	return absolute(*f.Pidfile)
}

func absolute(path string) string {
	if filepath.IsAbs(path) {
		return path // as it is: a/../b is not b where a is a link
	}
	cwd, err := os.Readlink("/proc/self/cwd") // Getwd may touch a file system that hangs
	if err != nil {
		return path
	}
	return cwd + "/" + path
}

func (a instanceArgs) pidfile() string { return a.of(a.Daemon) }

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
	return `Exit status: 0 running, 1 dead (stale pidfile, safe to start), 3 not running (safe to start), 4 unknown (touch nothing), 150 it runs outside every pidfile (left untouched).`
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
	daemon, pid, pidfile := r.Daemon.Path, r.Pidfile.PID, r.Pidfile.Path
	switch {
	case r.Verdict == matcher.Running:
		return fmt.Sprintf("%s is running: PID %d from %s; %s", daemon, pid, pidfile, r.Reason)
	case r.Verdict == matcher.Dead:
		return fmt.Sprintf("%s is dead: %s", daemon, r.Reason)
	case r.Verdict == matcher.NotRunning:
		return fmt.Sprintf("%s is not running: %s", daemon, r.Reason)
	case r.Verdict == matcher.Unclaimed:
		return fmt.Sprintf("%s runs outside every pidfile: %s", daemon, r.Reason)
	case r.Main != nil && r.Main.Decision.Outcome != matcher.NotThis:
		return fmt.Sprintf("%s: cannot tell about PID %d from %s: %s", daemon, pid, pidfile, r.Reason)
	}
	return fmt.Sprintf("%s: cannot tell: %s", daemon, r.Reason)
}
