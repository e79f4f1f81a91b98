package main

import (
	"errors"
	"path/filepath"

	"pidproof/cmd/pidproof/internal/cwd"
	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/matcher"
)

// pidfileFlag says which instance of a daemon is meant.
type pidfileFlag struct {
	Pidfile *string `short:"p" placeholder:"PIDFILE" help:"The instance's pidfile. Default: /var/run/BASE.pid, BASE being the daemon's name; where there is none, check, explain, killproc, start_daemon and wait take the only trusted pidfile that names the daemon."`
}

// instanceArgs are what every question about one instance takes.
type instanceArgs struct {
	pidfileFlag
	Daemon string `arg:"" help:"The daemon's executable: a path, or a name in PATH or the sbin directories. What is none is a label: then the pidfile's number is all there is."`
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
	return cwd.Absolute(*f.Pidfile)
}

func (a instanceArgs) pidfile() string { return a.of(a.Daemon) }

func (a instanceArgs) instance() matcher.Instance {
	return matcher.Instance{Daemon: a.Daemon, Label: true, Pidfile: a.pidfile(), Default: a.Pidfile == nil}
}

type countingFlag struct {
	Unclaimed string `enum:"any,listening,none" default:"any" placeholder:"WHICH" help:"Which unclaimed processes count: any, listening (those that hold a listening socket) or none. Default: any."`
}

// count puts it to the question.
func (f countingFlag) count(in *matcher.Instance) {
	in.ListeningOnly, in.PidfileOnly = f.Unclaimed == "listening", f.Unclaimed == "none"
}

type checkCmd struct {
	instanceArgs
	countingFlag
	Quiet bool `short:"q" help:"Print nothing; the exit status says it."`
}

func (checkCmd) Help() string {
	return `Exit status: 0 running, 1 dead (stale pidfile, safe to start), 3 not running (safe to start), 4 unknown (touch nothing), 150 it runs outside every pidfile (left untouched).`
}

func (checkCmd) answersByExit() {}

func (cmd checkCmd) Run(c *console) error {
	in := cmd.instance()
	cmd.count(&in)
	report, err := c.Check(in)
	if err != nil {
		return err
	}
	if !cmd.Quiet {
		c.Say("%s", explain.Summary(report))
	}
	c.exit = exitcode.Of(report.Verdict)
	return nil
}
