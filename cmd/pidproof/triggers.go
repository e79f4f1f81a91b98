package main

import (
	"strings"

	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/triggers"
)

type triggersCmd struct {
	JSON    bool   `name:"json" help:"Print one JSON object; triggers-json.md in the documentation describes it."`
	Service string `arg:"" name:"name" help:"The service: its name as invoke-rc.d takes it, or its unit."`
}

func (triggersCmd) Help() string {
	return `Shows what could start a service that is stopped: systemd's sockets, paths and timers, its own and those of units that start it, D-Bus, Upholds=, OnFailure=, OnSuccess=, lines of inetd.conf, and services of xinetd. Exit status: 0 shown, also where there is nothing, 4 it cannot be told, or the service is unknown.`
}

func (cmd triggersCmd) Run(c *console) error {
	name, err := ondemand.ParseName(cmd.Service)
	if err != nil {
		return err
	}
	ctx, cancel := c.Questions()
	defer cancel()
	service, err := ondemand.Look(ctx, name)
	if err != nil {
		return err
	}
	var out strings.Builder
	if cmd.JSON {
		err = triggers.JSON(&out, service)
	} else {
		triggers.Text(&out, service, c.LineWidth())
	}
	c.Print(out.String())
	return err
}
