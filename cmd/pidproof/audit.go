package main

import (
	"errors"
	"strings"

	"pidproof/cmd/pidproof/internal/audit"
	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/say"
)

type auditCmd struct {
	JSON  bool     `name:"json" help:"Print one JSON object; audit-json.md in the documentation describes it."`
	Patch bool     `help:"Print a unified diff that replaces what can be replaced safely: patch -p1 -d / applies it."`
	Write bool     `help:"Write what --patch prints into the files, which are given by name; the old ones stay as FILE~."`
	Words []string `arg:"" optional:"" name:"file" help:"A file, a directory, or an installed package. Default: what a host has in /etc/init.d, /lib/lsb, /etc/logrotate.d, /etc/cron.*, /etc/network/if-*.d, and dpkg's maintainer scripts."`
}

func (auditCmd) Help() string {
	return `Reads shell scripts, and names each place that asks by a bare number or name whether a daemon runs, or signals it so. Nothing of a script is executed. Exit status: 0 nothing to do, 1 something was found, 4 something could not be read.`
}

func (cmd auditCmd) Validate() error {
	switch {
	case cmd.JSON && (cmd.Patch || cmd.Write):
		return errors.New("give --json, or --patch or --write")
	case cmd.Write && len(cmd.Words) == 0:
		return errors.New("--write takes the files by name")
	}
	return nil
}

func (cmd auditCmd) Run(c *console) error {
	files := audit.OfHost()
	if len(cmd.Words) > 0 {
		files = audit.Meant(cmd.Words)
	}
	if cmd.Write {
		if err := files.Named(); err != nil {
			return err
		}
	}
	report := audit.Audit(files)
	var out strings.Builder
	var err error
	switch {
	case cmd.JSON:
		err = report.JSON(&out)
	case cmd.Patch || cmd.Write:
		for _, p := range report.Patches {
			if cmd.Patch {
				out.WriteString(p.Diff())
			}
			if cmd.Write {
				cmd.write(c, &report, p)
			}
		}
	default:
		report.Text(&out, c.LineWidth())
	}
	c.Print(out.String())
	if cmd.Patch || cmd.Write {
		for _, f := range report.Left() {
			c.Warn("%s:%d: left to you: %s: %s", f.Path, f.Line, f.Kind, f.Words)
		}
	}
	for _, err := range report.Unread {
		c.Warn("%v", err)
	}
	open := report.Open()
	if cmd.Write { // what was replaced is no longer there
		open = report.Left()
	}
	switch {
	case len(report.Unread) > 0:
		c.exit = exitcode.Unknown
	case len(open) > 0:
		c.exit = exitcode.Refused
	}
	return err
}

func (auditCmd) write(c *console, report *audit.Report, p audit.Patch) {
	backup, err := p.Write()
	if err != nil {
		report.Unread = append(report.Unread, err)
		return
	}
	c.Inform("%s: %s replaced; the old file is %s", p.Path, say.Count(p.Done, "place"), backup)
}
