package main

import (
	"bytes"
	"cmp"
	"io"
	"os"

	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/quiesce"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/cmd/pidproof/internal/restart"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/settings"
	"pidproof/cmd/pidproof/internal/shellvars"
)

type afterUpgradeCmd struct {
	Before bool `help:"Only note which registered instances run, before dpkg is called: those that go down are named afterwards."`
}

func (afterUpgradeCmd) Help() string {
	return `What apt runs after dpkg (apt.conf, DPkg::Post-Invoke). AFTER_UPGRADE in /etc/default/pidproof says what it does: report (the default) prints which registered instances still run the binary of before an upgrade, restart restarts them, off does nothing. Both print which others do, which registered ones went down, and what is held off; what was held off for packages with which dpkg has done is given back. It prints nothing where there is nothing to do, and exits 0 whatever happens, because apt would give up otherwise; only usage errors exit 4.`
}

// Run never fails: a package manager waits for it.
func (cmd afterUpgradeCmd) Run(c *console) error {
	defer func() { c.exit, c.Lost = 0, nil }()
	warn := c.Warn
	if cmd.Before { // it is said afterwards
		warn = func(string, ...any) {}
	}
	mode := settings.AfterUpgrade.Value(warn)
	if mode == "off" {
		return nil
	}
	if cmd.Before {
		registered, _ := registry.Read(registry.InUse())
		seen, _ := restart.Look(say.NewConsole(io.Discard, io.Discard, 0), c.Asker, registered)
		c.remember(seen)
		return nil
	}
	registered, _ := instances.Registrations(c.Console)
	quiet := c.Console
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
			run.Summary(doubts, false)
		}
		quiet = say.NewConsole(io.Discard, io.Discard, 0) // what cannot be told was said
	}
	seen, _ := restart.Look(quiet, c.Asker, registered)
	if mode == "report" {
		c.reportOutdated(seen)
	}
	c.reportOthers(registered)
	c.reportDown(seen)
	c.reportHeld()
	c.remember(seen)
	for _, i := range seen {
		i.Report.Release()
	}
	return nil
}

func (c *console) remember(seen []instances.Instance) {
	if err := restart.Remember(seen); err != nil && os.Geteuid() == 0 {
		c.Warn("which instances run is not remembered: %v", err)
	}
}

// reportOutdated names those that run an old binary, and what restarts them, or why nothing
// does.
func (c *console) reportOutdated(seen []instances.Instance) {
	var t say.Table
	remedies := 0
	for _, i := range seen {
		if !i.Outdated() {
			continue
		}
		remedy := i.Command()
		if err := restart.Hindrance(i, true); err != nil {
			remedy = err.Error()
		} else {
			remedies++
		}
		t.Add("  "+i.Name, "PID "+i.Report.PIDs().Few(), remedy)
	}
	c.section("These instances still run the binary of before an upgrade:", t)
	switch remedies {
	case 0:
	case len(t.Rows):
		c.Say(`"pidproof restart --replaced" restarts them one after another.`)
	default:
		c.Say(`"pidproof restart --replaced" restarts %d of them, one after another.`, remedies)
	}
}

// reportOthers names those that are not registered, which nobody else restarts.
func (c *console) reportOthers(registered []registry.Registration) {
	others, err := instances.OutdatedOthers(c.Asker, registered)
	if err != nil {
		c.Warn("what else runs an old binary is not known: %v", err)
	}
	var t say.Table
	for _, o := range others {
		t.Add("  "+o.Name, "PID "+o.PIDs, cmp.Or(o.Restart, "restart it by hand; its pidfile is "+o.Pidfile))
	}
	c.section("Not registered, but running the binary of before an upgrade:", t)
}

// reportDown names those that went down, until they run again.
func (c *console) reportDown(seen []instances.Instance) {
	down, err := restart.WentDown(seen)
	if err != nil {
		c.Warn("which instances ran is not known: %v", err)
	}
	var t say.Table
	for _, i := range down {
		remedy := i.Command()
		if err := restart.Unrunnable(i.Registration); err != nil {
			remedy = err.Error()
		}
		t.Add("  "+i.Name, i.Report.Verdict.String(), remedy)
	}
	c.section("These registered instances do not run any more:", t)
}

// reportHeld names the services that something has stopped, and nothing has started since.
// What was removed meanwhile holds nothing off, and what was held off for packages with which
// dpkg has done is given back, or it would be named a moment before that is.
func (c *console) reportHeld() {
	if awaited, err := ondemand.Awaited(); err == nil {
		quiesce.GiveBack(c.Console, "after-upgrade", awaited)
	}
	held, err := ondemand.StillHeld()
	if err != nil {
		c.Warn("%v", err)
	}
	ctx, cancel := c.Questions()
	defer cancel()
	var t say.Table
	for _, service := range held {
		if forgot, err := ondemand.ForgetGone(ctx, service); forgot && err == nil { // else it is named
			continue
		}
		t.Add("  "+service, "invoke-rc.d "+shellvars.Quote(service)+" start")
	}
	c.section("What could start these services is still held off:", t)
}

func (c *console) section(head string, t say.Table) {
	if len(t.Rows) == 0 {
		return
	}
	c.Say("%s", head)
	var out bytes.Buffer
	t.Write(&out, 0)
	c.Print(out.String())
}
