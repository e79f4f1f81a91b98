package main

type explainCmd struct {
	instanceArgs
	countingFlag
	JSON bool `name:"json" help:"Print one JSON object; docs/explain-json.md describes it."`
}

func (explainCmd) Help() string {
	return `Shows what was read of the pidfile and of its process, which rule decided and why the others did not, every process of this daemon with its role, and one safe next step. Exits as check does.`
}

func (cmd explainCmd) Run(c *console) error {
	in := cmd.instance()
	in.Unclaimed, in.Everything = cmd.Unclaimed, true
	report, err := c.check(in)
	if err != nil {
		return err
	}
	c.exit = exitCode(report.Verdict)
	if cmd.JSON {
		return writeJSON(c.stdout, report)
	}
	writeText(c.stdout, report)
	return nil
}
