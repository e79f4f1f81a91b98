package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"github.com/alecthomas/kong"
	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/matcher"
)

type startDaemonCmd struct {
	Force bool      `short:"f" help:"Start it, whatever runs."`
	Nice  niceLevel `short:"n" placeholder:"LEVEL" help:"Add this to the daemon's nice level."`
	pidfileFlag
	Words []string `arg:"" name:"daemon" passthrough:"partial" help:"The daemon's executable, and its arguments."`
}

func (startDaemonCmd) Help() string {
	return `Becomes the daemon, unless the pidfile names one that runs. With PIDPROOF_START=strict in /etc/default/pidproof, also not where it runs outside every pidfile; else that is said. Exit status: 0 it runs already; 1 it could not be executed; 4 it cannot be told whether it runs, and it was not started; otherwise that of the daemon.`
}

func (cmd *startDaemonCmd) Validate() error {
	if cmd.Words = afterDashes(cmd.Words); len(cmd.Words) == 0 {
		return errNoDaemon
	}
	return cmd.pidfileFlag.Validate()
}

func (cmd startDaemonCmd) daemon() string    { return cmd.Words[0] }
func (startDaemonCmd) exitFailed() int       { return exitcode.Refused }
func (cmd startDaemonCmd) touches() []string { return []string{cmd.daemon(), cmd.of(cmd.daemon())} }

func (cmd startDaemonCmd) Run(c *console) error {
	if !cmd.Force {
		in := matcher.Instance{Daemon: cmd.daemon(), Label: true, Pidfile: cmd.of(cmd.daemon()), Default: cmd.Pidfile == nil, PidfileOnly: true, Outside: true, With: cmd.Words[1:]}
		report, err := c.Check(in)
		if err != nil {
			return err
		}
		switch report.PidfileVerdict {
		case matcher.Running:
			return nil
		case matcher.Unknown:
			c.Warn("%s; not started", explain.Summary(report))
			c.exit = exitcode.Unknown
			return nil
		}
		if !c.mayStart("", false, in, report) {
			return nil
		}
		if report.Misleads() {
			if err := report.Pidfile.NameNobody(); err != nil {
				c.Warn("%v; %s", err, misled(report.Pidfile))
			}
		}
	}
	if c.isolated() { // the first process executes it only if its file system answers
		_, _ = os.Stat(cmd.daemon())
	}
	if c.Unanswered != "" { // the daemon's own file may not answer either
		c.Warn("no answer in time while %s; not started", c.Unanswered)
		c.exit = exitcode.Unknown
		return nil
	}
	c.handOver = true
	return nil
}

// misled is what the daemon may make of a pidfile that misleads it.
func misled(p matcher.Pidfile) string {
	if p.PID == 0 {
		return "it is empty, and the daemon may not start with it"
	}
	return fmt.Sprintf("the daemon may take process %d for itself", p.PID)
}

// become replaces us by the daemon, as start-stop-daemon(8) without --background.
func (cmd startDaemonCmd) become() error {
	daemon, err := matcher.FindDaemon(cmd.daemon())
	if err != nil {
		return err
	}
	runtime.LockOSThread() // a nice level belongs to a thread; ours becomes the daemon
	if cmd.Nice != 0 {
		// getpriority(2): the system call gives 20 less the nice level.
		now, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
		if err == nil {
			err = unix.Setpriority(unix.PRIO_PROCESS, 0, 20-now+int(cmd.Nice))
		}
		if err != nil {
			return fmt.Errorf("setting the nice level: %w", err)
		}
	}
	return handover.To(daemon.Path, cmd.Words)
}

// niceLevel is a number that may be negative: kong would take -5 for an option.
type niceLevel int

func (n *niceLevel) Decode(ctx *kong.DecodeContext) error {
	token := ctx.Scan.Pop()
	if token.IsEOL() {
		return valueError("its value is missing")
	}
	word := token.String()
	level, err := strconv.Atoi(word)
	if err != nil || level < -40 || level > 40 {
		return fmt.Errorf("%q is no nice level from -40 to 40", word)
	}
	*n = niceLevel(level)
	return nil
}
