package main

import (
	"fmt"
	"time"

	"github.com/alecthomas/kong"

	"pidproof/cmd/pidproof/internal/await"
	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/matcher"
)

type waitCmd struct {
	For string `arg:"" name:"state" enum:"started,stopped" help:"What to wait for: started or stopped."`
	instanceArgs
	Time    limit `short:"t" default:"30" placeholder:"SECONDS" help:"Wait at most this long; 0: do not wait. Default: 30."`
	Workers bool  `help:"stopped: until nothing of the daemon is left that another pidfile does not account for."`
}

func (waitCmd) Help() string {
	return `It is started when check says that it runs, stopped when check says that it is safe to start; without --workers, as far as the pidfile and its processes go. Exit status: 0 it came true, 1 it did not in time, 4 it cannot be told.`
}

// limit is a duration that may be 0; a bare number means seconds.
type limit time.Duration

func (l *limit) Decode(ctx *kong.DecodeContext) error { return decodeText(ctx, l) }

func (l *limit) UnmarshalText(text []byte) error {
	d, err := parseTime(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no time (0, 10, 10s, 500ms)", text)
	}
	*l = limit(d)
	return nil
}

func (cmd waitCmd) lasts() time.Duration { return time.Duration(cmd.Time) }

func (cmd waitCmd) Run(c *console) error {
	q := await.Change{
		Asker: c.Asker, Instance: cmd.instance(), Started: cmd.For == "started",
		Workers: cmd.Workers, Limit: time.Duration(cmd.Time),
	}
	report, came, err := q.Await(c.Stderr)
	if err != nil || came {
		return err
	}
	return cmd.gaveUp(c, report)
}

func (cmd waitCmd) gaveUp(c *console, r matcher.Report) error {
	if c.exit = exitcode.Refused; r.Verdict == matcher.Unknown {
		c.exit = exitcode.Unknown
	}
	if in := cmd.instance(); cmd.For == "started" && r.Verdict != matcher.Unknown {
		var err error
		if r, err = c.Check(in); err != nil { // also who runs without a pidfile
			return err
		}
	}
	after := ""
	if cmd.Time > 0 {
		after = "after " + matcher.Span(time.Duration(cmd.Time)) + ": "
	}
	c.Warn("%s%s", after, explain.Summary(r))
	return nil
}
