package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/settings"
	"pidproof/matcher"
)

// outsidePatience is how long a start that would be refused waits for who runs outside every
// pidfile: many a script stops a daemon without awaiting its end, and starts the next.
const outsidePatience = 5 * time.Second

// mayStart says of a daemon that is to be started that it runs outside every pidfile, as
// after its own was lost, and whether to start a second one. by stands before what is said.
// A test only asks what would be.
func (c *console) mayStart(by string, test bool, in matcher.Instance, r matcher.Report) bool {
	nevertheless := "; started nevertheless"
	if test {
		nevertheless = "; it would be started nevertheless"
	}
	switch {
	case in.Pidfile == os.DevNull: // it is to be started whoever runs, as by Debian's start_daemon -f
		return true
	case len(r.Outside) == 0 && r.Untold == nil:
		return true
	case len(r.Outside) == 0:
		c.Warn("%swhether %s runs outside every pidfile cannot be told: %v%s", by, r.Daemon.Path, r.Untold, nevertheless)
		return true
	case !r.SurelyOutside() || settings.Start.Value(c.Warn) != settings.Strict:
		c.Warn("%s%s%s", by, outside(r), nevertheless)
		return true
	case c.outsideEnds(in):
		return true
	}
	c.Warn("%s%s; not started (PIDPROOF_START=strict)", by, outside(r))
	return false
}

// outside names who runs there, and the way out.
func outside(r matcher.Report) string {
	pids := r.OutsidePIDs()
	if !r.SurelyOutside() {
		return fmt.Sprintf("%s may run outside every pidfile, as PID %s: %s; see whose it is (%s)", r.Daemon.Path, pids.Few(), r.Outside[0].Doubt,
			say.Unfolded(say.Command("pidproof", "explain", "-p", r.Pidfile.Path, r.Daemon.Path)))
	}
	if len(pids) > 1 {
		return fmt.Sprintf("%s runs outside every pidfile, as PIDs %s: see whose they are (%s)", r.Daemon.Path, pids.Few(),
			say.Unfolded(say.Command("pidproof", "explain", "-p", r.Pidfile.Path, r.Daemon.Path)))
	}
	return fmt.Sprintf("%s runs outside every pidfile, as PID %s: if that is this instance, mend its pidfile (%s), else register it", r.Daemon.Path, pids.Few(),
		say.Unfolded(say.Command("pidproof", "adopt", "-p", r.Pidfile.Path, r.Daemon.Path)))
}

// outsideEnds waits for the end of those.
func (c *console) outsideEnds(in matcher.Instance) bool {
	in.Hold = true
	r, err := c.Check(in)
	defer r.Release()
	if err != nil {
		return false
	}
	var of []*matcher.Process
	for _, p := range r.Outside {
		if p.Doubt == "" {
			of = append(of, p)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), outsidePatience)
	defer cancel()
	return r.PidfileVerdict != matcher.Running && len(matcher.AwaitEnd(ctx, of)) == 0
}
