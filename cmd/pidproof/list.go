package main

import (
	"bytes"
	"errors"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/wholefile"
)

type listCmd struct {
	JSON       bool     `name:"json" help:"Print one JSON object; list-json.md in the documentation describes it."`
	Prometheus bool     `help:"Print metrics in Prometheus' text format, for node_exporter's textfile collector."`
	Problems   bool     `help:"Only what needs a person; exit status 1 if there is anything."`
	Output     *string  `placeholder:"FILE" help:"Write FILE instead, whole or not at all; - is standard output."`
	Daemons    []string `arg:"" optional:"" name:"daemon" help:"Only these: daemons, or names of instances."`
}

func (listCmd) Help() string {
	return `Shows the instances that the trusted pidfiles under /run, those that init scripts and units name, and the registrations show, and what runs the same daemons without a pidfile. Exit status: 0 listed, 1 nothing has a name that was given, or --problems has found one, 4 there is no answer, or --problems could not see all.`
}

func (cmd listCmd) Validate() error {
	switch {
	case cmd.JSON && cmd.Prometheus:
		return errors.New("--json and --prometheus exclude each other")
	case cmd.Problems && cmd.Prometheus:
		return errors.New("--problems and --prometheus exclude each other")
	case cmd.Output != nil && *cmd.Output == "":
		return errors.New("the file given with --output is empty")
	}
	return nil
}

func (cmd listCmd) touches() []string {
	if cmd.intoFile() {
		return append([]string{*cmd.Output}, cmd.Daemons...)
	}
	return cmd.Daemons
}

func (cmd listCmd) intoFile() bool { return cmd.Output != nil && *cmd.Output != "-" }

func (cmd listCmd) Run(c *console) error {
	if err := c.NoAnswer(); err != nil {
		return err
	}
	list, err := instances.Collect(c.Console, c.Asker, cmd.Daemons, !cmd.Prometheus, cmd.Problems)
	if err != nil {
		return err
	}
	problem := cmd.Problems && list.Problems()
	switch {
	case len(list.Nothing) > 0, problem:
		c.exit = exitcode.Refused
	case cmd.Problems && len(list.Unseen) > 0:
		c.exit = exitcode.Unknown
	}
	var out bytes.Buffer
	switch {
	case cmd.JSON:
		err = list.JSON(&out)
	case cmd.Prometheus:
		list.Metrics(&out)
	default:
		list.Text(&out, c.LineWidth(), !cmd.intoFile() && say.WantsColour(c.Stdout))
	}
	if err != nil {
		return err
	}
	if !cmd.JSON {
		for _, sentence := range list.Unseen {
			c.Warn("%s", sentence)
		}
	}
	if cmd.intoFile() {
		return wholefile.Write(*cmd.Output, out.Bytes(), 0o644)
	}
	c.Print(out.String())
	return nil
}
