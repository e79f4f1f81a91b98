package main

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/invokerc"
	"pidproof/cmd/pidproof/internal/maintscript"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/quiesce"
)

type invokeRcdCmd struct {
	Words []string `arg:"" optional:"" name:"option" help:"invoke-rc.d's options; see invoke-rc.d(8)."`
}

func (invokeRcdCmd) Help() string {
	return `What scripts/invoke-rc.d calls. stop is quiesce, with --allow-on-demand likewise, but that a service which may be started again is no failure; start, restart and try-restart restore what that has held off, and everything is then the real invoke-rc.d's.`
}

func (cmd invokeRcdCmd) Run(c *console) error {
	c.handOver = true
	call, ok := invokerc.Parse(cmd.Words)
	name, err := ondemand.ParseName(call.Name)
	if !ok || call.Query || err != nil || name != call.Name || invokerc.Elsewhere() {
		if call.Action == "stop" && !call.Query && !invokerc.Elsewhere() {
			c.sayLong(call.Name + ".service")
		}
		return nil
	}
	switch call.Action {
	case "stop":
		cmd.stop(c, call)
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

// stop hands over where there is nothing to hold off, where invoke-rc.d would do nothing,
// and where that cannot be told: it never fails where the real program would not.
func (cmd invokeRcdCmd) stop(c *console, call invokerc.Invocation) {
	service, err := quiesce.LookUp(c.Asker, call.Name)
	switch {
	case errors.Is(err, ondemand.ErrUnknown), errors.Is(err, ondemand.ErrRefused):
		return // the real program has the words for it
	case err != nil:
		c.heldOffNot(call.Name, err)
		return
	case leavesToSystemd(call, service):
		return
	}
	q := quiesce.Quiescing{
		Console: c.Console, Asker: c.Asker, Command: handover.InvokeRC, Services: []ondemand.Service{service},
		Real: handover.InvokeRC, Words: call.Words, OnDemand: call.AllowOnDemand, Lenient: true,
		Package: c.maintainedPackage(),
	}
	concerned, err := concerns(c, service)
	if err == nil && !concerned {
		var stopped bool
		c.exit, stopped = q.Plain()
		c.handOver = !stopped
		return
	}
	would := invokerc.Refuses
	if err == nil {
		would, err = invokerc.Ask(call.Words)
	}
	switch {
	case err != nil:
		c.heldOffNot(call.Name, err)
		return
	case would == invokerc.Hangs:
		c.heldOffNot(call.Name, invokerc.ErrHangs)
		return
	case would != invokerc.Does:
		return
	}
	c.handOver = false
	c.exit = q.Run()
}

// maintainedPackage is the one whose maintainer script calls us. Where that cannot be told,
// what is held off is nobody's to give back but who starts the service.
func (c *console) maintainedPackage() string {
	ctx, cancel := c.Deadline()
	defer cancel()
	name, err := maintscript.Package(ctx)
	if err != nil {
		c.Warn("whether dpkg has done with the package cannot be told: %v", err)
	}
	return name
}

// heldOffNot says so; the real program is on its own.
func (c *console) heldOffNot(name string, err error) {
	c.Warn("%s: nothing is held off: %v", name, err)
}

// sayLong says that nothing is held off of a unit for its name alone.
func (c *console) sayLong(unit string) {
	if manager, err := ondemand.Manager(); err != nil || manager != "systemd" {
		return
	}
	ctx, cancel := c.Questions()
	defer cancel()
	if long, err := ondemand.IsLong(ctx, unit); long || err != nil {
		c.heldOffNot(unit, cmp.Or(err, ondemand.ErrLong))
	}
}

// concerns reports that there is something to hold off, or held off by a run that was
// interrupted.
func concerns(c *console, service ondemand.Service) (bool, error) {
	if holdable, others := service.Active(); len(holdable)+len(others) > 0 {
		return true, nil
	}
	ctx, cancel := c.Questions()
	defer cancel()
	held, err := ondemand.Held(ctx, service.Name)
	if errors.Is(err, ondemand.ErrDamaged) { // said where it counts
		err = nil
	}
	return held != nil, err
}

// leavesToSystemd: with that option, invoke-rc.d does nothing to a native unit.
func leavesToSystemd(call invokerc.Invocation, service ondemand.Service) bool {
	return call.SkipNative && service.Unit != nil && service.Unit.Native()
}

// restore gives back what was held off; the real program is called whatever happens.
func (cmd invokeRcdCmd) restore(c *console, call invokerc.Invocation) {
	ctx, cancel := c.Questions()
	defer cancel()
	record, err := ondemand.Held(ctx, call.Name)
	if record == nil && err != nil {
		c.Warn("%v", err)
	}
	var names []string
	if record != nil {
		names = append(names, call.Name)
	}
	unit := strings.TrimSuffix(call.Name, ".sh") + ".service"
	names, err = c.withHolders(names, []string{unit})
	if err == nil && len(names) == 0 {
		return
	}
	if err == nil && call.SkipNative { // deb-systemd-invoke is to start it
		service, err := quiesce.LookUp(c.Asker, call.Name)
		if err == nil && leavesToSystemd(call, service) {
			return
		}
	}
	would := invokerc.Does
	if err == nil {
		would, err = invokerc.Ask(call.Words)
	}
	start := quiesce.Starting{Console: c.Console, Asker: c.Asker, Command: handover.InvokeRC, Start: call.Action == "start"}
	switch {
	case err != nil:
		start.NotRestored(call.Name, []string{unit}, err)
	case would != invokerc.Refuses:
		for _, name := range names {
			start.Restore(name)
		}
	}
}

// withHolders adds to the names of services that are started those that hold off one of the
// units.
func (c *console) withHolders(names, units []string) ([]string, error) {
	ctx, cancel := c.Questions()
	defer cancel()
	holders, err := ondemand.HeldWith(ctx, units)
	for _, name := range holders {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if errors.Is(err, ondemand.ErrRefused) { // the real program has the words for it
		err = nil
	}
	return names, err
}
