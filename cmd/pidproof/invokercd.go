package main

import (
	"errors"
	"fmt"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/invokerc"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/quiesce"
)

type invokeRcdCmd struct {
	Words []string `arg:"" optional:"" name:"option" help:"invoke-rc.d's options; see invoke-rc.d(8)."`
}

func (invokeRcdCmd) Help() string {
	return `What scripts/invoke-rc.d calls. stop is quiesce, with --allow-on-demand likewise; start, restart and try-restart restore what that has held off, and everything is then the real invoke-rc.d's.`
}

func (cmd invokeRcdCmd) Run(c *console) error {
	c.handOver = true
	call, ok := invokerc.Parse(cmd.Words)
	name, err := ondemand.ParseName(call.Name)
	if !ok || call.Query || err != nil || name != call.Name {
		return nil
	}
	switch call.Action {
	case "stop":
		return cmd.stop(c, call)
	case "start", "restart", "try-restart":
		if !call.Before { // an option that the real program does not know
			cmd.restore(c, call)
		}
	}
	return nil
}

// become runs the real program with what is its own of the command line.
func (cmd invokeRcdCmd) become() error {
	call, ok := invokerc.Parse(cmd.Words)
	if ok && call.Action == "stop" {
		return handover.ToReal(handover.InvokeRC, call.Words)
	}
	return handover.ToReal(handover.InvokeRC, cmd.Words)
}

// exitFailed is invoke-rc.d's "subsystem error".
func (invokeRcdCmd) exitFailed() int { return 102 }

// stop hands over where there is nothing to hold off, and where invoke-rc.d would do
// nothing.
func (cmd invokeRcdCmd) stop(c *console, call invokerc.Invocation) error {
	service, err := quiesce.LookUp(c.Asker, call.Name)
	switch {
	case errors.Is(err, ondemand.ErrUnknown), errors.Is(err, ondemand.ErrRefused):
		return nil // the real program has the words for it
	case err != nil:
		c.handOver = false
		return err
	}
	holdable, others := service.Active()
	ctx, cancel := c.Deadline()
	defer cancel()
	// Of a run that was interrupted; what is wrong with a record is said where it counts.
	held, err := ondemand.Held(ctx, call.Name)
	if err != nil && !errors.Is(err, ondemand.ErrDamaged) {
		c.handOver = false
		return err
	}
	q := quiesce.Quiescing{
		Console: c.Console, Asker: c.Asker, Command: handover.InvokeRC, Service: service, Words: call.Words,
		OnDemand: call.AllowOnDemand, Lenient: true,
	}
	nothing := len(holdable)+len(others) == 0 && held == nil
	switch {
	case leavesToSystemd(call, service):
		return nil
	case nothing:
		var stopped bool
		if c.exit, stopped = q.Plain(); stopped {
			c.handOver = false
		}
		return nil
	}
	would, err := invokerc.Ask(call.Words)
	if err != nil {
		c.handOver = false
		return fmt.Errorf("%s: not stopped: %w", call.Name, err)
	}
	switch would {
	case invokerc.Hangs:
		c.handOver = false
		return fmt.Errorf("%s: not stopped: policy-rc.d does not answer: %w", call.Name, ondemand.ErrNoAnswer)
	case invokerc.Refuses, invokerc.NotEnabled:
		return nil
	}
	c.handOver = false
	q.Limit = quiesce.Limit
	c.exit = q.Run()
	return nil
}

// leavesToSystemd: with that option, invoke-rc.d does nothing to a native unit.
func leavesToSystemd(call invokerc.Invocation, service ondemand.Service) bool {
	return call.SkipNative && service.Unit != nil && service.Unit.Native()
}

// restore gives back what was held off; the real program is called whatever happens.
func (cmd invokeRcdCmd) restore(c *console, call invokerc.Invocation) {
	ctx, cancel := c.Deadline()
	defer cancel()
	record, err := ondemand.Held(ctx, call.Name)
	if err != nil {
		c.Warn("%v", err)
	}
	if record == nil {
		return
	}
	service, err := quiesce.LookUp(c.Asker, call.Name)
	if err != nil && !errors.Is(err, ondemand.ErrUnknown) {
		c.Warn("%s: what was held off is not restored: %v", call.Name, err)
		return
	}
	masked := service.Unit != nil && service.Unit.Load == "masked" // invoke-rc.d passes it over
	// Not so with --skip-systemd-native: stop may have come without it, and who starts the
	// unit then is deb-systemd-invoke.
	would, err := invokerc.Ask(call.Words)
	if err != nil {
		c.Warn("%s: what was held off is not restored: %v", call.Name, err)
		return
	}
	if masked || would == invokerc.Refuses {
		return
	}
	if record.OnDemand != 0 {
		if call.Action == "start" {
			quiesce.MayBeMixed(c.Console, c.Asker, service, record.OnDemand)
		}
		if len(record.What()) == 0 {
			if err := record.Forget(); err != nil {
				c.Warn("%v", err)
			}
			return
		}
	}
	if _, err := quiesce.Restore(c.Console, *record); err != nil {
		c.Warn("%s: not all could be restored: %v; pidproof unquiesce %[1]s tries again", call.Name, err)
	}
}
