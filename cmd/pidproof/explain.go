package main

import (
	"bytes"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/matcher"
)

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
	in.Others, in.Sockets = true, true
	cmd.count(&in)
	report, err := c.Check(in)
	if err != nil {
		return err
	}
	c.exit = exitcode.Of(report.Verdict)
	if report.Verdict == matcher.Unclaimed {
		report = cmd.ofStarter(c, in, report)
	}
	var doubt error
	if main, _ := report.Adoptable(); main != nil {
		doubt = instances.AlsoLost(c.Asker, report)
	}
	var out bytes.Buffer
	if cmd.JSON {
		if err := explain.JSON(&out, report, doubt); err != nil {
			return err
		}
	} else {
		explain.Text(&out, say.WantsColour(c.Stdout), report, doubt)
	}
	c.Print(out.String())
	return nil
}

// ofStarter is the report on the pidfile that the daemon's init script or unit names, where
// none was given: what is advised is about that one.
func (cmd explainCmd) ofStarter(c *console, in matcher.Instance, report matcher.Report) matcher.Report {
	started := cmd.started(c, cmd.Daemon)
	if started == report.Pidfile.Path {
		return report
	}
	in.Pidfile, in.Default = started, false
	again, err := c.Check(in)
	if err != nil || again.Verdict != report.Verdict {
		return report
	}
	again.Notes = append(again.Notes, "No pidfile was named: "+started+" is that of its init script or unit.")
	return again
}
