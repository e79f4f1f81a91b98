package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/cmd/pidproof/internal/restart"
	"pidproof/cmd/pidproof/internal/shellvars"
	"pidproof/matcher"
)

type registerCmd struct {
	Name    string   `arg:"" help:"What to call the instance: the name of its init script."`
	Pidfile *string  `short:"p" placeholder:"PIDFILE" help:"The instance's pidfile, an absolute path."`
	Daemon  string   `arg:"" help:"The daemon's executable: a path, or a name in PATH or the sbin directories."`
	Restart bool     `help:"What follows is the command that restarts it. Default: invoke-rc.d NAME restart."`
	Command []string `arg:"" optional:"" passthrough:"" help:"With --restart: the command and its arguments."`
}

func (registerCmd) Help() string {
	return `As in: pidproof register apache2-foo -p /run/apache2-foo/apache2.pid apache2. Writes /etc/pidproof/instances.d/NAME, so that the instance is listed and restarted after upgrades (pidproof restart --replaced), and its pidfile known wherever it lies. Exit status: 0 registered, 1 refused, 4 usage errors.`
}

func (cmd registerCmd) Validate() error {
	switch {
	case cmd.Pidfile == nil:
		return errors.New("the pidfile is missing: -p PIDFILE")
	case !cmd.Restart && len(cmd.Command) > 0:
		return fmt.Errorf("one argument too many: %s; the command stands behind --restart", cmd.Command[0])
	case cmd.Restart && len(cmd.Command) == 0:
		return errors.New("--restart: the command is missing")
	}
	return pidfileFlag{cmd.Pidfile}.Validate()
}

func (cmd registerCmd) touches() []string { return []string{cmd.Daemon, *cmd.Pidfile} }

func (cmd registerCmd) Run(c *console) error {
	if err := c.NoAnswer(); err != nil {
		return err
	}
	r := registry.Registration{Name: cmd.Name, Pidfile: *cmd.Pidfile, Restart: cmd.Command}
	if len(cmd.Command) == 1 && strings.Contains(cmd.Command[0], " ") {
		// --restart "service foo restart": whoever quotes it means a command line.
		words, err := shellvars.Words(cmd.Command[0])
		if err != nil {
			return fmt.Errorf("--restart: %w", err)
		}
		r.Restart = words
	}
	d, err := matcher.FindDaemon(cmd.Daemon)
	if err != nil {
		return err
	}
	if r.Daemon = d.Path; strings.Contains(cmd.Daemon, "/") {
		r.Daemon = cmd.Daemon // as it was given, or refused because it is relative
	}
	report, err := c.Check(matcher.Instance{Daemon: r.Daemon, Pidfile: r.Pidfile})
	if err != nil {
		return err
	}
	switch err := registry.Add(registry.InUse(), r); {
	case errors.Is(err, registry.ErrName), errors.Is(err, registry.ErrInvalid):
		return err
	case err != nil:
		c.Warn("%v", denied(err, r.Name+" is not registered"))
		c.exit = exitcode.Refused
		return nil
	}
	c.Say("%s is registered; %s", r.Name, explain.Summary(report))
	if report.Daemon.File.Absent() {
		c.Warn("%s: its daemon %s does not exist", r.Name, r.Daemon)
	}
	registered, _ := registry.Read(registry.InUse())
	for _, now := range registered { // with the default command
		if now.Name != r.Name {
			continue
		}
		if err := restart.Unrunnable(now); err != nil {
			c.Warn("%s: %v", r.Name, err)
		}
	}
	return nil
}

// denied says what was not done for want of a permission, and who has it.
func denied(err error, undone string) error {
	switch {
	case !errors.Is(err, fs.ErrPermission):
		return err
	case os.Geteuid() == 0:
		return fmt.Errorf("%s: %w", undone, err)
	}
	return fmt.Errorf("%s: %w; ask as root", undone, err)
}

type unregisterCmd struct {
	Name string `arg:"" help:"The name it was registered with."`
}

func (unregisterCmd) Help() string {
	return `Removes /etc/pidproof/instances.d/NAME. Exit status: 0 removed, 1 it could not be, 3 nothing of that name is registered, 4 usage errors.`
}

func (cmd unregisterCmd) Run(c *console) error {
	switch err := registry.Remove(registry.InUse(), cmd.Name); {
	case err == nil:
	case errors.Is(err, registry.ErrName):
		return err
	case errors.Is(err, fs.ErrNotExist):
		c.Warn("nothing is registered as %s", cmd.Name)
		c.exit = exitcode.Of(matcher.NotRunning)
	default:
		c.Warn("%v", denied(err, cmd.Name+" is still registered"))
		c.exit = exitcode.Refused
	}
	return nil
}
