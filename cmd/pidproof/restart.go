package main

import (
	"errors"
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/cmd/pidproof/internal/restart"
)

type restartCmd struct {
	Replaced bool     `help:"Restart those that run a replaced or removed binary; there is no other choice."`
	DryRun   bool     `name:"dry-run" help:"Only say what would be done."`
	All      bool     `help:"Also the instance that this command runs under: a login session's sshd."`
	Time     limit    `short:"t" default:"300" placeholder:"SECONDS" help:"Wait at most this long for each restart command. Default: 300."`
	Daemons  []string `arg:"" optional:"" name:"daemon" help:"Only these: daemons, or names of instances."`
}

func (restartCmd) Help() string {
	return `pidproof restart --replaced: restarts, one after another, the registered instances that run the binary of before an upgrade, and sees to it that each comes back with the new one. Exit status: 0 none is left, 1 a restart failed, 4 it cannot be told of some what they run; also usage errors.`
}

func (cmd restartCmd) Validate() error {
	if !cmd.Replaced {
		return errors.New("say what to restart: --replaced")
	}
	return nil
}

func (cmd restartCmd) Run(c *console) error {
	all, bad := instances.Registrations(c.Console)
	registered, mistakes := instances.Select(c.Console, cmd.Daemons, all)
	named, nothing := len(cmd.Daemons) > 0, mistakes > 0 && len(registered) == 0
	if cmd.DryRun {
		found, doubts := restart.Outdated(c.Console, c.Asker, registered)
		doubts += bad
		for _, i := range found {
			c.Say("%s", restart.Plan(i, cmd.All))
			i.Report.Release()
		}
		if len(found) == 0 && !nothing {
			restart.NoneOutdated(c.Console, doubts, named)
		}
		c.exit = doubtful(doubts + mistakes)
		return nil
	}
	unlock, err := restart.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	run := restart.New(c.Console, c.Asker, "restart", cmd.All, time.Duration(cmd.Time))
	defer run.Close()
	doubts := run.All(registered) + bad
	if !nothing {
		run.Summary(doubts, named)
	}
	if c.exit = doubtful(doubts + mistakes); run.Failed > 0 || run.Stopped {
		c.exit = exitcode.Refused
	}
	return nil
}

func doubtful(doubts int) int {
	if doubts > 0 {
		return exitcode.Unknown
	}
	return 0
}
