package main

import (
	"bytes"
	"errors"
	"io/fs"
	"strconv"

	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/cmd/pidproof/internal/restart"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/shellvars"
)

// settingsFile says what is to happen after an upgrade.
const settingsFile = "/etc/default/pidproof"

type afterUpgradeCmd struct{}

func (afterUpgradeCmd) Help() string {
	return `What apt runs after dpkg (apt.conf, DPkg::Post-Invoke). AFTER_UPGRADE in /etc/default/pidproof says what it does: report (the default) prints which registered instances still run the binary of before an upgrade, restart restarts them, off does nothing. It prints nothing where there is nothing to do, and exits 0 whatever happens, because apt would give up otherwise; only usage errors exit 4.`
}

// Run never fails: a package manager waits for it.
func (afterUpgradeCmd) Run(c *console) error {
	defer func() { c.exit, c.Lost = 0, nil }()
	mode := c.afterUpgrade()
	if mode == "off" {
		return nil
	}
	registered, _ := instances.Registrations(c.Console)
	if mode == "restart" {
		unlock, err := restart.Lock()
		if err != nil {
			c.Warn("%v", err)
			return nil
		}
		defer unlock()
		run := restart.New(c.Console, c.Asker, "after-upgrade", false, restart.Limit)
		defer run.Close()
		if doubts := run.All(registered); run.Found() > 0 {
			run.Summary(doubts)
		}
		return nil
	}
	found, _ := restart.Outdated(c.Console, c.Asker, registered)
	c.reportOutdated(found)
	return nil
}

// afterUpgrade reads what is to be done. Whoever mistypes restart is told, and loses
// nothing.
func (c *console) afterUpgrade() string {
	settings, err := shellvars.Read(settingsFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "report"
	case err != nil:
		c.Warn("%v; it counts as AFTER_UPGRADE=report", err)
		return "report"
	}
	for name, setting := range settings {
		if name != "AFTER_UPGRADE" {
			c.Warn("%s:%d: %s means nothing here: write AFTER_UPGRADE", settingsFile, setting.Line, name)
		}
	}
	switch mode := settings["AFTER_UPGRADE"].Value; mode {
	case "report", "restart", "off":
		return mode
	case "":
		return "report"
	default:
		c.Warn("%s: AFTER_UPGRADE=%s is none of report, restart and off; it counts as report", settingsFile, mode)
		return "report"
	}
}

func (c *console) reportOutdated(found []instances.Instance) {
	if len(found) == 0 {
		return
	}
	c.Say("These instances still run the binary of before an upgrade:")
	t, remedies := say.Table{}, 0
	for _, i := range found {
		remedy := i.Command()
		if err := restart.Refusal(i, true); err != nil {
			remedy = err.Error()
		} else {
			remedies++
		}
		t.Add("  "+i.Name, "PID "+strconv.Itoa(i.Main().Evidence.PID), remedy)
		i.Report.Release()
	}
	var out bytes.Buffer
	t.Write(&out, 0)
	c.Print(out.String())
	if remedies > 0 {
		c.Say(`"pidproof restart --replaced" restarts them one after another.`)
	}
}
