package main

import (
	"errors"
	"strings"

	"pidproof/cmd/pidproof/internal/audit"
	"pidproof/cmd/pidproof/internal/exitcode"
)

type auditCmd struct {
	JSON  bool     `name:"json" help:"Print one JSON object; audit-json.md in the documentation describes it."`
	Patch bool     `help:"Print a unified diff that replaces what can be replaced safely: patch -p1 -d / applies it."`
	Words []string `arg:"" optional:"" name:"file" help:"A file, a directory, or an installed package. Default: what a host has in /etc/init.d, /lib/lsb, /etc/logrotate.d, /etc/cron.*, /etc/network/if-*.d, and dpkg's maintainer scripts."`
}

func (auditCmd) Help() string {
	return `Reads shell scripts, and names each place that asks by a bare number or name whether a daemon runs, or signals it so. Nothing of a script is executed. Exit status: 0 nothing to do, 1 something was found, 4 something could not be read.`
}

func (cmd auditCmd) Validate() error {
	if cmd.JSON && cmd.Patch {
		return errors.New("give --json or --patch, not both")
	}
	return nil
}

func (cmd auditCmd) Run(c *console) error {
	files, named, err := audit.Files(cmd.Words)
	if err != nil {
		return err
	}
	if cmd.Patch {
		return cmd.patch(c, files, named)
	}
	report := audit.Audit(files, named)
	var out strings.Builder
	if cmd.JSON {
		err = report.JSON(&out)
	} else {
		report.Text(&out, c.LineWidth())
	}
	c.Print(out.String())
	cmd.say(c, report)
	return err
}

// say complains of what was not read, and sets the exit code.
func (cmd auditCmd) say(c *console, report audit.Report) {
	for _, err := range report.Unread {
		c.Warn("%v", err)
	}
	switch {
	case len(report.Unread) > 0:
		c.exit = exitcode.Unknown
	case len(report.Open()) > 0:
		c.exit = exitcode.Refused
	}
}

// patch prints the diffs. What they leave is said, for a person to look at.
func (cmd auditCmd) patch(c *console, files []string, named map[string]bool) error {
	var out strings.Builder
	report := audit.Report{}
	for _, path := range files {
		p, found, err := audit.Repair(path)
		if err != nil {
			report.Note(err, named[path])
			continue
		}
		out.WriteString(p.Diff())
		report.Findings = append(report.Findings, found...)
	}
	c.Print(out.String())
	for _, f := range report.Left() {
		c.Warn("left: %s:%d: %s: %s", f.Path, f.Line, f.Kind, f.Words)
	}
	cmd.say(c, report)
	return nil
}
