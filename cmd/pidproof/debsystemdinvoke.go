package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/invokerc"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/quiesce"
	"pidproof/cmd/pidproof/internal/systemdinvoke"
)

type debSystemdInvokeCmd struct {
	Words []string `arg:"" optional:"" name:"option" help:"deb-systemd-invoke's options, an action and units; see deb-systemd-invoke(1p)."`
}

func (debSystemdInvokeCmd) Help() string {
	return `What scripts/deb-systemd-invoke calls. stop is quiesce of each service among the units, but that a service which may be started again is no failure; start, restart and try-restart restore what was held off, by whomever, and everything is then the real deb-systemd-invoke's.`
}

func (cmd debSystemdInvokeCmd) Run(c *console) error {
	c.handOver = true
	if invokerc.Elsewhere() {
		return nil
	}
	if manager, err := ondemand.Manager(); err != nil || manager != "systemd" {
		return nil // the real program has the words for it
	}
	call, err := cmd.read()
	if err != nil && !errors.Is(err, systemdinvoke.ErrNotOurs) && slices.Contains(cmd.Words, "stop") {
		c.heldOffNot(handover.DebSystemdInvoke, err)
	}
	if err != nil || call.Action != "stop" && !call.Starts() {
		return nil
	}
	if call.Starts() {
		if cmd.restore(c, call) {
			cmd.startBehind(c, call)
		}
	} else if _, err := handover.FindReal(handover.DebSystemdInvoke); err == nil {
		cmd.stop(c, call)
	}
	return nil
}

// read reads the line as the real program does, whose versions differ in their options.
func (cmd debSystemdInvokeCmd) read() (call systemdinvoke.Invocation, err error) {
	var reading systemdinvoke.Reading
	if !systemdinvoke.Plain(cmd.Words) {
		real, err := handover.FindReal(handover.DebSystemdInvoke)
		if err != nil {
			return call, systemdinvoke.ErrNotOurs // which is said where it is to be called
		}
		if reading, err = systemdinvoke.ReadingOf(real); err != nil {
			return call, fmt.Errorf("%s: %w", real, err)
		}
	}
	return systemdinvoke.Parse(cmd.Words, reading)
}

// become runs the real program.
func (cmd debSystemdInvokeCmd) become() error {
	return handover.ToReal(handover.DebSystemdInvoke, cmd.Words)
}

// exitFailed is what a shell has for a command that is not there.
func (debSystemdInvokeCmd) exitFailed() int { return 127 }

// stop hands over where there is nothing to hold off, where policy-rc.d forbids it, and
// where that cannot be told: it never fails where the real program would not.
func (cmd debSystemdInvokeCmd) stop(c *console, call systemdinvoke.Invocation) {
	if err := cmd.stopsByName(c, call); err != nil {
		c.Warn("%s: what is named stays recorded, and is started with its service: %v", call.Units[0], err)
	}
	services, concerned, err := cmd.lookUp(c, call)
	if err == nil && concerned {
		concerned, err = cmd.allowed(c, call)
	}
	if err == nil && concerned {
		services, concerned, err = cmd.stopNamed(c, call, services)
	}
	if err != nil {
		c.heldOffNot(call.Units[0], err)
	}
	if err != nil || !concerned {
		return
	}
	c.handOver = false
	c.exit = quiesce.Quiescing{
		Console: c.Console, Asker: c.Asker, Command: handover.DebSystemdInvoke, Services: services,
		Real: handover.DebSystemdInvoke, Words: cmd.Words, Lenient: true, Package: c.maintainedPackage(),
	}.Run()
}

// stopsByName takes the triggers that the call names out of the records: they are to stay
// stopped, also where they were held off before.
func (cmd debSystemdInvokeCmd) stopsByName(c *console, call systemdinvoke.Invocation) error {
	triggers, err := cmd.matching(c, call.Triggers())
	if err != nil || !ondemand.HeldOff(triggers) {
		return err
	}
	if allowed, err := cmd.allowed(c, call); err != nil || !allowed {
		return err
	}
	ctx, cancel := c.Deadline()
	defer cancel()
	return ondemand.StopByName(ctx, triggers)
}

// allowed asks policy-rc.d before the real program does.
func (cmd debSystemdInvokeCmd) allowed(c *console, call systemdinvoke.Invocation) (bool, error) {
	ctx, cancel := c.Deadline()
	defer cancel()
	denied, err := call.Denied(ctx)
	return !denied, err
}

// stops are the services that the call names, and those that stop with the triggers named.
func (cmd debSystemdInvokeCmd) stops(c *console, call systemdinvoke.Invocation) (units []string, err error) {
	units, err = cmd.matching(c, call.Services())
	if err != nil {
		return nil, err
	}
	triggers, err := cmd.matching(c, call.Triggers())
	if err != nil || len(triggers) == 0 {
		return units, err
	}
	ctx, cancel := c.Questions()
	defer cancel()
	others, err := ondemand.StoppedWith(ctx, triggers)
	if errors.Is(err, ondemand.ErrRefused) { // the real program has the words for it
		err = nil
	}
	return append(units, others...), err
}

// lookUp finds the services that the call stops, under their own names; what there is
// none of is the real program's to complain of. concerned: there is something to hold off.
func (cmd debSystemdInvokeCmd) lookUp(c *console, call systemdinvoke.Invocation) (services []ondemand.Service, concerned bool, err error) {
	units, err := cmd.stops(c, call)
	if err != nil {
		return nil, false, err
	}
	for _, unit := range units {
		name, err := ondemand.ParseName(unit)
		if err != nil {
			c.sayLong(unit)
			continue
		}
		service, err := quiesce.LookUp(c.Asker, name)
		switch {
		case errors.Is(err, ondemand.ErrUnknown), errors.Is(err, ondemand.ErrRefused):
			continue
		case err != nil:
			return nil, false, err
		case slices.ContainsFunc(services, func(s ondemand.Service) bool { return s.Name == service.Name }):
			continue
		}
		its, err := concerns(c, service)
		if err != nil {
			return nil, false, err
		}
		services, concerned = append(services, service), concerned || its
	}
	return services, concerned, nil
}

func (cmd debSystemdInvokeCmd) matching(c *console, units []string) ([]string, error) {
	ctx, cancel := c.Questions()
	defer cancel()
	matching, err := ondemand.Matching(ctx, units)
	if errors.Is(err, ondemand.ErrRefused) { // the real program has the words for it
		err = nil
	}
	return matching, err
}

// stopNamed stops the triggers that the call names, too, before their services: those are
// not to be started again with them, so they are not recorded.
func (cmd debSystemdInvokeCmd) stopNamed(c *console, call systemdinvoke.Invocation, services []ondemand.Service) ([]ondemand.Service, bool, error) {
	units, err := cmd.matching(c, call.Triggers())
	if err != nil {
		return nil, false, err
	}
	var armed []string
	for _, s := range services {
		for _, t := range s.Triggers {
			if t.Active && slices.Contains(units, t.Name) {
				armed = append(armed, t.Name)
			}
		}
	}
	if len(armed) == 0 {
		return services, true, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), quiesce.Limit)
	defer cancel()
	if err := ondemand.StopTriggers(ctx, armed); err != nil {
		return nil, false, err
	}
	return cmd.lookUp(c, call)
}

// startBehind has the sockets that the call names started, or restarted, although their
// services run: systemd would refuse it. Everything else is the real program's.
func (cmd debSystemdInvokeCmd) startBehind(c *console, call systemdinvoke.Invocation) {
	triggers, err := cmd.matching(c, call.Triggers())
	if err != nil || len(triggers) == 0 {
		return
	}
	if _, err := handover.FindReal(handover.DebSystemdInvoke); err != nil {
		return
	}
	ctx, cancel := c.Questions()
	defer cancel()
	byName := ondemand.StoppedByName(triggers)
	blocked, err := ondemand.LookBlocked(ctx, triggers, call.Action != "start")
	if err == nil && (len(blocked) > 0 || byName) {
		var allowed bool
		if allowed, err = cmd.allowed(c, call); err == nil && !allowed {
			return
		}
	}
	if err != nil {
		if !errors.Is(err, ondemand.ErrRefused) { // the real program has the words for it
			c.Warn("%s: whether its service has to make way cannot be told: %v", triggers[0], err)
		}
		return
	}
	if len(blocked) > 0 || byName {
		c.exit, c.handOver = cmd.behind(c, call, blocked, triggers), false
	}
}

// behind calls the real program for all but the sockets that services have made way for, and
// these services, where they were to be restarted.
func (cmd debSystemdInvokeCmd) behind(c *console, call systemdinvoke.Invocation, blocked []ondemand.Blocked, triggers []string) (code int) {
	start := quiesce.Starting{Console: c.Console, Asker: c.Asker, Command: handover.DebSystemdInvoke}
	code = start.Behind(blocked, c.maintainedPackage())
	others, err := cmd.matching(c, call.Units)
	if err != nil {
		others = call.Units
	}
	for _, b := range blocked {
		others = slices.DeleteFunc(slices.Clone(others), func(unit string) bool {
			return slices.Contains(b.Sockets, unit) || call.Action != "start" && strings.TrimSuffix(unit, ".service") == b.Service
		})
	}
	if len(others) > 0 && code <= exitcode.Refused { // else a signal has ended it
		code = max(code, start.Call(append([]string{call.Action}, ondemand.SocketsFirst(others)...)))
	}
	ctx, cancel := c.Deadline()
	defer cancel()
	if err = errors.Join(err, ondemand.StartByName(ctx, triggers)); err != nil {
		c.Warn("%v", err)
	}
	return code
}

// restore gives back what is held off of the services that the call starts, itself or by
// their triggers; the real program is called whatever happens. answered is false where
// systemd does not.
func (cmd debSystemdInvokeCmd) restore(c *console, call systemdinvoke.Invocation) (answered bool) {
	held, err := ondemand.AllHeld()
	if err == nil && len(held) == 0 {
		return true
	}
	var names []string
	if err == nil {
		names, err = cmd.started(c, call)
	}
	if err == nil && len(names) == 0 {
		return true
	}
	start := quiesce.Starting{Console: c.Console, Asker: c.Asker, Command: handover.DebSystemdInvoke, Start: call.Action == "start"}
	allowed, unasked := cmd.allowed(c, call)
	switch {
	case !allowed && unasked == nil: // nothing is started
	case err != nil || unasked != nil:
		start.NotRestored(call.Units[0], slices.Concat(call.Services(), call.Triggers()), cmp.Or(err, unasked))
	default:
		for _, name := range names {
			start.Restore(name)
		}
	}
	return !errors.Is(err, ondemand.ErrNoAnswer)
}

// started are the services that the call names of which something is held off, and those
// that hold off what it starts.
func (cmd debSystemdInvokeCmd) started(c *console, call systemdinvoke.Invocation) (names []string, err error) {
	units, err := cmd.matching(c, slices.Concat(call.Services(), call.Triggers()))
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.Questions()
	defer cancel()
	for _, unit := range units {
		name, err := ondemand.ParseName(unit)
		if err != nil {
			continue
		}
		if held, err := ondemand.Held(ctx, name); held != nil || err != nil { // which is said when it is restored
			names = append(names, name)
		}
	}
	return c.withHolders(names, units)
}
