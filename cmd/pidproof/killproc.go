package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/record"
	"pidproof/cmd/pidproof/internal/ssd"
	"pidproof/cmd/pidproof/internal/stop"
	"pidproof/matcher"
)

type killprocCmd struct {
	pidfileFlag
	Workers bool     `help:"The daemon's workers, too: await them, and KILL those that stay. For daemons whose children must not outlive them."`
	Verbose bool     `short:"v" help:"Say on standard output who was sent which signal."`
	Words   []string `arg:"" optional:"" name:"daemon" passthrough:"partial" help:"The daemon's executable and, after it, the signal: HUP, -HUP, SIGHUP or 1. Default: TERM, and KILL after 5 seconds."`

	signal syscall.Signal
}

func (killprocCmd) Help() string {
	return `Signals the main process only if it is proven to be the daemon, and awaits it where no signal is named; then it removes the pidfile. Exit status: 0 done, or (with TERM or no signal) nothing to do; 1 it did not end; 3 another signal was named and it is not running; 4 it cannot be told or is not permitted: nothing was signalled.`
}

// errNoDaemon: there was only a "--".
var errNoDaemon = errors.New("the argument DAEMON is missing")

// afterDashes are the words without a first "--", which getopts(1p) of Debian's
// functions allows and kong leaves to whoever passes words through.
func afterDashes(words []string) []string {
	if len(words) > 0 && words[0] == "--" {
		return words[1:]
	}
	return words
}

// Validate lets the pidfile's name stand for a daemon that is not named. Debian's function then looks for a process of
// the name "--pidfile", and ends well (nagios4's stop, garb's).
func (cmd *killprocCmd) Validate() error {
	cmd.Words = afterDashes(cmd.Words)
	if len(cmd.Words) == 0 && cmd.Pidfile != nil && *cmd.Pidfile != "" {
		cmd.Words = []string{strings.TrimSuffix(filepath.Base(*cmd.Pidfile), ".pid")}
	}
	switch {
	case len(cmd.Words) == 0:
		return errNoDaemon
	case len(cmd.Words) == 1 && cmd.Pidfile != nil && isSignal(cmd.Words[0]): // else it would end what was to be signalled
		return fmt.Errorf("%s is a signal: the argument DAEMON, which stands before it, is missing", cmd.Words[0])
	case len(cmd.Words) > 2:
		return fmt.Errorf("one argument too many: %s; options stand before DAEMON", cmd.Words[2])
	case len(cmd.Words) == 2 && strings.HasPrefix(cmd.Words[1], "--"):
		return fmt.Errorf("%s is no signal; options stand before DAEMON", cmd.Words[1])
	case len(cmd.Words) == 2 && cmd.Words[1] != "": // an empty one is none, as for Debian's
		var err error
		if cmd.signal, err = lsbSignal(cmd.Words[1]); err != nil {
			return err
		}
		if cmd.Workers {
			return errors.New("--workers is for stopping: name no signal with it")
		}
	}
	return cmd.pidfileFlag.Validate()
}

func (cmd *killprocCmd) named() bool        { return len(cmd.Words) == 2 && cmd.Words[1] != "" }
func (cmd *killprocCmd) daemon() string     { return cmd.Words[0] }
func (cmd *killprocCmd) touches() []string  { return []string{cmd.daemon(), cmd.of(cmd.daemon())} }
func (*killprocCmd) lasts() time.Duration   { return stop.Longest }
func (cmd *killprocCmd) onlyIfRuns() bool   { return cmd.named() && cmd.signal != syscall.SIGTERM }
func (cmd *killprocCmd) quietlyStale() bool { return cmd.named() && cmd.Pidfile != nil }

func (cmd *killprocCmd) Run(c *console) error {
	in := matcher.Instance{Daemon: cmd.daemon(), Label: true, Pidfile: cmd.of(cmd.daemon()), Default: cmd.Pidfile == nil, Hold: true, Others: cmd.Workers}
	report, err := c.Check(in)
	if err != nil {
		return err
	}
	defer report.Release()
	in.Pidfile = report.Pidfile.Path
	if report.Starts != "" { // asked about a wrapper: its daemon is ended first
		below := in
		below.Daemon, below.Default = report.Starts, false
		again, err := c.Check(below)
		if err == nil && again.PidfileVerdict == matcher.Running && again.Wrapper != nil {
			report, again = again, report
			in = below
		}
		again.Release()
	}
	switch report.PidfileVerdict {
	case matcher.Running:
		if cmd.named() {
			return cmd.send(c, report)
		}
		c.exit, err = stop.Proven{Console: c.Console, Asker: c.Asker, Instance: in, Workers: cmd.Workers, Verbose: cmd.Verbose}.Stop(&report)
		return err
	case matcher.Unknown:
		c.Warn("%s; nothing was signalled", explain.Summary(report))
		c.exit = exitcode.Unknown
		return nil
	}
	c.leftAlone(report, cmd.Pidfile == nil)
	if cmd.onlyIfRuns() {
		c.exit = exitcode.Of(matcher.NotRunning)
		return nil
	}
	if cmd.quietlyStale() && report.PidfileVerdict == matcher.Dead {
		stop.RemovePidfile(c.Console, report.Pidfile)
	}
	return nil
}

// leftAlone names who could be taken for the daemon and was not signalled. Whoever
// named no pidfile may have meant another instance's.
func (c *console) leftAlone(r matcher.Report, unnamed bool) {
	alive := r.Main != nil && r.Main.Evidence.Life.Alive()
	if alive || unnamed && len(r.WithRole(matcher.RoleOther)) > 0 || len(r.Blocking()) > 0 || len(r.WithRole(matcher.RoleUnclear)) > 0 {
		c.Warn("%s; left alone", explain.Summary(r))
	}
}

// send is killproc with a signal: it is sent once, to each of the main processes, and
// nothing is awaited.
func (cmd *killprocCmd) send(c *console, r matcher.Report) error {
	mains, reached := r.Mains(), 0
	for _, p := range mains {
		switch err := p.Signal(cmd.signal); {
		case errors.Is(err, syscall.ESRCH):
		case err != nil && reached > 0: // 4 would say that nobody was signalled
			c.Warn("process %d could not be signalled: %v", p.Evidence.PID, err)
			c.exit = exitcode.Refused
			return nil
		case err != nil:
			return fmt.Errorf("process %d could not be signalled: %w", p.Evidence.PID, err)
		default:
			reached++
			record.Entry{Command: "killproc", Caller: c.Caller, Pidfile: r.Pidfile.Path}.Signalled(p, cmd.signal)
			if cmd.Verbose {
				c.Inform("%s: %s sent to process %d", cmd.daemon(), record.SignalName(cmd.signal), p.Evidence.PID)
			}
		}
	}
	if reached == 0 && cmd.onlyIfRuns() {
		c.exit = exitcode.Of(matcher.NotRunning)
		return nil
	}
	over := !slices.ContainsFunc(mains, func(p *matcher.Process) bool { return !p.Ended() })
	if cmd.Pidfile != nil && cmd.signal == syscall.SIGTERM && over {
		stop.RemovePidfile(c.Console, r.Pidfile)
	}
	return nil
}

// isSignal reports of what stands in a daemon's place that it is a signal: HUP, -HUP, SIGHUP, 1, but not hup.
func isSignal(word string) bool {
	_, err := lsbSignal(word)
	return err == nil && word == strings.ToUpper(word)
}

// lsbSignal reads a signal as Debian's killproc does: TERM, -TERM, SIGTERM, 15, -15.
func lsbSignal(word string) (syscall.Signal, error) {
	if len(word) > 1 && word[0] == '-' {
		word = word[1:]
	}
	return ssd.ParseSignal(word)
}
