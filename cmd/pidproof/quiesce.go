package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/invokerc"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/quiesce"
)

type quiesceCmd struct {
	AllowOnDemand bool   `name:"allow-on-demand" help:"Only end what runs; it may be started again on demand, possibly at once."`
	Time          limit  `short:"t" default:"300" placeholder:"SECONDS" help:"Wait at most this long for invoke-rc.d. Default: 300."`
	Service       string `arg:"" name:"name" help:"The service: its name as invoke-rc.d takes it, or its unit."`
}

func (quiesceCmd) Help() string {
	return `Records what could start the service again, holds that off, stops the service with the real invoke-rc.d, and sees to it that it stays stopped. Exit status: 0 it is, 1 it runs, or came back, 4 it cannot be told, 150 it is stopped, but something that cannot be held off may start it; any other is invoke-rc.d's own.`
}

func (cmd quiesceCmd) Run(c *console) error {
	name, err := ondemand.ParseName(cmd.Service)
	if err != nil {
		return err
	}
	service, err := quiesce.LookUp(c.Asker, name)
	if err != nil {
		return err
	}
	would := invokerc.Does
	if service.Stoppable() {
		if would, err = invokerc.Ask([]string{name, "stop"}); err != nil {
			return fmt.Errorf("%s: not stopped: %w", name, err)
		}
	}
	if would != invokerc.Does {
		c.Warn("%s: invoke-rc.d does not stop it, see invoke-rc.d --query %[1]s stop: policy-rc.d may deny it", name)
		c.exit = exitcode.Refused
		return nil
	}
	q := quiesce.Quiescing{
		Console: c.Console, Asker: c.Asker, Command: "quiesce", Services: []ondemand.Service{service},
		Real: handover.InvokeRC, Words: []string{name, "stop"},
		OnDemand: cmd.AllowOnDemand, Limit: time.Duration(cmd.Time),
	}
	if c.exit = q.Run(); c.exit == 0 {
		c.Say("%s", q.Done())
	}
	return nil
}

type unquiesceCmd struct {
	All     bool   `help:"Restore what is held off of every service."`
	After   bool   `name:"after-dpkg" help:"Wait until dpkg has done with the packages whose maintainer scripts have stopped services, and restore what is held off of those still. The wrappers start it."`
	Service string `arg:"" optional:"" name:"name" help:"The service: its name as invoke-rc.d takes it, or its unit."`
}

func (unquiesceCmd) Help() string {
	return `Restores what quiesce, or invoke-rc.d NAME stop, has held off. Exit status: 0 done, or there was nothing to do, 1 something could not be restored, 4 usage errors, or no answer.`
}

func (cmd unquiesceCmd) Validate() error {
	if cmd.After && (cmd.All || cmd.Service != "") {
		return errors.New("--after-dpkg is for all services of packages, and goes alone")
	}
	if !cmd.After && cmd.All == (cmd.Service != "") {
		return errors.New("give the name of a service, or --all")
	}
	return nil
}

func (cmd unquiesceCmd) Run(c *console) error {
	if cmd.After {
		return quiesce.AfterDpkg(c.Console)
	}
	if !cmd.All {
		name, err := ondemand.ParseName(cmd.Service)
		if err != nil {
			return err
		}
		return unquiesce(c, name)
	}
	names, err := ondemand.AllHeld()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		c.Say("Nothing is held off.")
	}
	var failed error // one does not keep the others from being restored
	for _, name := range names {
		failed = errors.Join(failed, unquiesce(c, name))
	}
	return failed
}

func unquiesce(c *console, name string) error {
	ctx, cancel := c.Questions()
	defer cancel()
	record, err := ondemand.Held(ctx, name)
	if err != nil {
		c.Warn("%v", err)
		c.exit = exitcode.Refused
	}
	if record == nil {
		c.Say("%s: nothing is held off.", name)
		return nil
	}
	if err := ondemand.Answers(ctx); err != nil { // else it would be waited for as long as a service may take
		return err
	}
	record.Named = nil // whoever stopped it by its name may start it so
	restored, err := quiesce.Restore(c.Console, *record)
	switch {
	case errors.Is(err, ondemand.ErrNoAnswer):
		return err
	case err != nil:
		c.Warn("%s: not all could be restored: %v", name, err)
		c.exit = exitcode.Refused
	case len(restored) == 0:
		c.Say("%s: nothing is left to restore.", name)
	default:
		c.Say("%s: restored: %s", name, strings.Join(restored, " "))
	}
	return nil
}
