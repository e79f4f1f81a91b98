package main

import "bytes"

type explainCmd struct {
	instanceArgs
	countingFlag
	JSON bool `name:"json" help:"Print one JSON object; explain-json.md in the documentation describes it."`
}

func (explainCmd) Help() string {
	return `Shows what was read of the pidfile and of its process, which rule decided and why the others did not, every process of this daemon with its role, and one safe next step. Exits as check does.`
}

func (cmd explainCmd) Run(c *console) error {
	in := cmd.instance()
	in.Unclaimed, in.Others, in.Sockets = cmd.Unclaimed, true, true
	report, err := c.check(in)
	if err != nil {
		return err
	}
	c.exit = exitCode(report.Verdict)
	var out bytes.Buffer
	if cmd.JSON {
		if err := writeJSON(&out, report); err != nil {
			return err
		}
	} else {
		writeText(&out, wantsColour(c.stdout), report)
	}
	c.print(out.String())
	return nil
}
