package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pidproof/cmd/pidproof/internal/adopting"
	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/explain"
	"pidproof/cmd/pidproof/internal/instances"
	"pidproof/cmd/pidproof/internal/record"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/starters"
	"pidproof/cmd/pidproof/internal/wholefile"
	"pidproof/matcher"
)

type adoptCmd struct {
	Pidfile *string `short:"p" placeholder:"PIDFILE" help:"The instance's pidfile. Default: the one that the daemon's init script or unit names, if it is the only one, or else /var/run/BASE.pid, BASE being the daemon's name."`
	Daemon  string  `arg:"" help:"The daemon's executable: a path, or a name in PATH or the sbin directories."`
	Yes     bool    `help:"Write the pidfile; without it, only show what would be written."`
}

func (adoptCmd) Help() string {
	return `For a daemon that runs while its pidfile is stale or lost: if exactly one main process of it runs unclaimed, shows it, and with --yes writes its PID. Exit status: 0 shown, written, or right already; 1 refused; 4 unknown, also usage errors.`
}

func (cmd adoptCmd) flag() pidfileFlag { return pidfileFlag{cmd.Pidfile} }

func (cmd adoptCmd) Validate() error { return cmd.flag().Validate() }

// file is the instance whose pidfile is to be written, and no other that names the daemon.
func (cmd adoptCmd) file(c *console) matcher.Instance {
	return matcher.Instance{Daemon: cmd.Daemon, Pidfile: cmd.flag().started(c, cmd.Daemon)}
}

// started is the pidfile asked for, or the one that the daemon's init script or unit names,
// or else LSB's default. The daemon is looked at for that, unless its file server has not
// answered: nothing ends a thread that waits for one.
func (f pidfileFlag) started(c *console, name string) string {
	if f.Pidfile == nil && c.Unanswered == "" {
		if d, err := matcher.FindDaemon(name); err == nil {
			return cmp.Or(starters.PidfileOf(d.Path, d.Real), f.of(name))
		}
	}
	return f.of(name)
}

func (cmd adoptCmd) Run(c *console) error {
	if cmd.Yes {
		end, err := adopting.Begin(c.Asker)
		if err != nil {
			return err
		}
		defer end()
	}
	in := cmd.file(c)
	in.Others, in.Sockets, in.Hold = true, true, true
	report, err := c.Check(in)
	if err != nil {
		return err
	}
	defer report.Release()
	if report.Verdict == matcher.Running {
		c.Say("%s", explain.Summary(report))
		return nil
	}
	main, why := report.Adoptable()
	if main == nil {
		c.Warn("%s: nothing is adopted: %s", report.Daemon.Path, why)
		if c.exit = exitcode.Refused; report.PidfileVerdict == matcher.Unknown || report.Blind != "" || len(report.WithRole(matcher.RoleUnclear)) > 0 {
			c.exit = exitcode.Unknown
		}
		return nil
	}
	if err := instances.AlsoLost(c.Asker, report); err != nil {
		c.Warn("%s: nothing is adopted: %d may as well be another instance: %v", report.Daemon.Path, main.Evidence.PID, err)
		c.exit = exitcode.Refused
		return nil
	}
	dir, err := report.Pidfile.HoldDirectory()
	if err != nil {
		c.Warn("%s: nothing is adopted: %v%s", report.Daemon.Path, err, say.Unfolded(explain.ByHand(report.Pidfile, main)))
		c.exit = exitcode.Refused
		return nil
	}
	defer dir.Close()
	if err := report.Pidfile.Adopts(main.Evidence); err != nil {
		c.Say("%s", candidate(report, main))
		c.Warn("%s: nothing is adopted: %v", report.Daemon.Path, err)
		c.exit = exitcode.Refused
		return nil
	}
	if other, err := adopting.Elsewhere(c.Asker, report, main); err != nil || other != "" {
		c.Warn("%s: nothing is adopted: %s", report.Daemon.Path, cmp.Or(other, fmt.Sprint(err)))
		c.exit = exitcode.Refused
		return nil
	}
	c.Say("%s", candidate(report, main))
	if !cmd.Yes {
		c.Say("If this is the instance (ps -fp %d), --yes writes %s.", main.Evidence.PID, report.Pidfile.Path)
		return nil
	}
	return cmd.write(c, report, main, dir)
}

// candidate describes the main process that is to be adopted.
func candidate(r matcher.Report, main *matcher.Process) string {
	e := main.Evidence
	words := []string{
		fmt.Sprintf("%s runs unclaimed as PID %d", r.Daemon.Path, e.PID), "user " + explain.UserName(e.EUID),
		"since " + e.Started.Format(say.TimeLayout),
	}
	switch {
	case !main.Sockets.Known():
		words = append(words, "what it listens on cannot be read")
	default:
		words = append(words, cmp.Or(explain.ListensOn(main), "listens on nothing"))
	}
	switch {
	case main.ByTitle():
		words = append(words, "known by its title alone")
	case main.Role == matcher.RoleLeftover:
		words = append(words, fmt.Sprintf("started by %d, which has ended: it may be a worker", r.Pidfile.PID))
	}
	what := "pidfile " + r.Pidfile.Path + " is stale"
	if r.Pidfile.Absent() {
		what = "there is no pidfile " + r.Pidfile.Path
	}
	return strings.Join(words, ", ") + "; " + what
}

// write puts the number into the pidfile: with its owner and mode, if it has them and
// may vouch with them, for a daemon may have to write it again.
func (cmd adoptCmd) write(c *console, r matcher.Report, main *matcher.Process, dir *os.Root) error {
	f := r.Pidfile
	owner, mode := (*wholefile.Owner)(nil), os.FileMode(0o644)
	if ok, _ := f.Vouches(main.Evidence.UID, main.Evidence.EUID); ok && f.ID.Known() {
		owner, mode = &wholefile.Owner{UID: f.Owner, GID: f.Group}, f.Mode
	}
	err := f.Unchanged(dir)
	if err == nil && main.Ended() {
		err = fmt.Errorf("process %d has ended meanwhile", main.Evidence.PID)
	}
	if err == nil {
		content := fmt.Appendf(nil, "%d\n", main.Evidence.PID)
		err = wholefile.ReplaceIn(dir, filepath.Base(f.Path), content, mode, owner)
	}
	if err != nil {
		c.Warn("%s: nothing is adopted: %v", r.Daemon.Path, err)
		c.exit = exitcode.Refused
		return nil
	}
	record.Entry{Command: "adopt", Caller: c.Caller, Pidfile: f.Path}.Did(append([]record.Field{{Name: "done", Value: "adopted"}}, record.Process(main)...)...)
	if err := adopting.Note(f.Path); err != nil {
		c.Warn("that %d was adopted is not noted: %v", main.Evidence.PID, err)
	}
	proof, err := c.Check(cmd.file(c))
	switch {
	case err != nil:
		return err
	case proof.Verdict != matcher.Running:
		return errors.New("the pidfile was written, but now " + explain.Summary(proof))
	}
	c.Say("%s", explain.Summary(proof))
	return nil
}
