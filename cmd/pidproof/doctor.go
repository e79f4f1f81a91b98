package main

import (
	"strings"

	"pidproof/cmd/pidproof/internal/doctor"
	"pidproof/cmd/pidproof/internal/exitcode"
)

type doctorCmd struct {
	JSON bool `name:"json" help:"Print one JSON object; doctor-json.md in the documentation describes it."`
}

func (doctorCmd) Help() string {
	return `Looks whether init scripts, dpkg's programs and apt come by pidproof on this host, whether the kernel shows what it needs, and what is left to do, with a remedy each. Changes nothing. Exit status: 0 all is well, 1 there is something to do, 4 something cannot be told, as often to an ordinary user.`
}

// touches: these may lie on a file system that hangs.
func (doctorCmd) touches() []string {
	return []string{"/lib/lsb/init-functions.d", "/etc/init.d", "/etc/default", "/usr/sbin", "/var/lib/dpkg", "/etc/apt"}
}

func (cmd doctorCmd) Run(c *console) error {
	if err := c.NoAnswer(); err != nil {
		return err
	}
	ctx, cancel := c.Deadline()
	defer cancel()
	report := doctor.Examine(ctx)
	switch report.State() {
	case doctor.ToDo:
		c.exit = exitcode.Refused
	case doctor.CannotTell:
		c.exit = exitcode.Unknown
	}
	var out strings.Builder
	var err error
	if cmd.JSON {
		err = report.JSON(&out)
	} else {
		report.Text(&out)
	}
	c.Print(out.String())
	return err
}
