package ssd

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Action is the command of start-stop-daemon(8).
type Action int

// The commands; ActionNone when the line has none.
const (
	ActionNone Action = iota
	Start
	Stop
	Status
	Pidof
	Help
	Version
)

// actionOf is the command that a long option is, or 0. A map would be made at every start.
func actionOf(long string) Action {
	switch long {
	case "start":
		return Start
	case "stop":
		return Stop
	case "status":
		return Status
	case "pidof":
		return Pidof
	case "help":
		return Help
	case "version":
		return Version
	}
	return 0
}

// Asks reports that the command only asks: its code 4 is trouble, as LSB's status has it.
func (a Action) Asks() bool { return a == Status || a == Pidof }

// Options are what a command line says, start-stop-daemon(8). Of an option
// given twice the last counts.
type Options struct {
	Action Action

	PID, PPID                 int    // greater than 0; 0: not given
	Pidfile, Exec, Name, User string // "": not given; Exec may be relative to Chdir, User may be a number

	// "": not given. dpkg matches as if an empty one were not given, too; the
	// real program refuses to start anything with it.
	Startas, Chroot, Chdir string

	Chuid, Group string // "": not given; a name or a number, of the program to start

	Signal syscall.Signal // of --stop; SIGTERM when not given
	Retry  *Schedule      // nil: not given. With it, Signal is sent only if the schedule says so

	// Of Quiet and Verbose the last given counts.
	OKNoDo, Quiet, Verbose, Test, MakePidfile, RemovePidfile, Background bool

	// StopGroup is OpenRC's: --stop is for the whole process group.
	StopGroup bool

	Args []string // the operands: --start hands them to the program, others ignore them
}

// Parse reads the arguments after the program's name. Help and Version are
// returned as soon as they are seen, as dpkg does.
//
// An error wraps ErrUnknownOption or ErrForStarted, or says what is wrong with the
// line. Then Options has its Action only, as far as it was seen. Where there are
// several, one that asks counts: its code 4 is never misread, but 3 would say "not
// running" (dpkg exits so, if --status stands after the error).
func Parse(args []string, dialect Dialect) (Options, error) {
	settings, operands := dialect.options().split(args)
	action, err := command(settings)
	if err != nil || action == Help || action == Version {
		return Options{Action: action}, err
	}
	o := Options{Action: action, Args: operands}
	given, err := gather(settings, dialect)
	if err == nil {
		err = o.fill(given)
	}
	if err == nil && dialect == Dpkg {
		err = given.checkStarted()
	}
	if err == nil {
		err = o.check(given)
	}
	if err != nil {
		return Options{Action: action}, err
	}
	return o, nil
}

// gather takes the last of each option. --chuid has a group, too; OpenRC's --user has it.
func gather(settings []setting, dialect Dialect) (values, error) {
	given := values{}
	for _, s := range settings {
		name, value := s.option.Long, s.value
		switch {
		case name == "quiet":
			delete(given, "verbose")
		case name == "verbose":
			delete(given, "quiet")
		case name == "chuid", name == "user" && dialect == OpenRC:
			user, group, has := strings.Cut(value, ":")
			if value = user; has {
				given["group"] = group
			}
			if has && group == "" && dialect == Dpkg {
				return nil, badStarted(name, s.value, "write a group after the colon, or no colon")
			}
		}
		given[name] = value
	}
	return given, nil
}

// command finds the command and the line's first error.
func command(settings []setting) (action Action, err error) {
	for _, s := range settings {
		if err == nil {
			err = s.err
		}
		switch next := actionOf(s.option.Long); {
		case next == ActionNone:
		case err == nil && (next == Help || next == Version):
			return next, nil
		case err == nil && (action == ActionNone || action == next):
			action = next
		default:
			if err == nil {
				err = errors.New("more than one command: write one of --start, --stop and --status")
			}
			if next.Asks() {
				action = next
			}
		}
	}
	return action, err
}

// values are the last of each option, by long name.
type values map[string]string

func (v values) has(name string) bool {
	_, ok := v[name]
	return ok
}

// fill reads the values.
func (o *Options) fill(given values) (err error) {
	o.OKNoDo, o.Test = given.has("oknodo"), given.has("test")
	o.Quiet, o.Verbose = given.has("quiet"), given.has("verbose")
	o.MakePidfile, o.RemovePidfile = given.has("make-pidfile"), given.has("remove-pidfile")
	o.Background = given.has("background")
	o.Chuid, o.Group, o.StopGroup = given["chuid"], given["group"], given.has("stop-group")
	o.Startas, o.Chroot, o.Chdir = given["startas"], given["chroot"], given["chdir"]
	o.Pidfile, o.Exec, o.Name, o.User = given["pidfile"], given["exec"], given["name"], given["user"]
	for _, name := range []string{"pidfile", "exec", "name", "user"} {
		if given.has(name) && given[name] == "" {
			return fmt.Errorf("--%s has an empty value: is the variable after it set?", name)
		}
	}
	if o.PID, err = parsePID(given, "pid"); err != nil {
		return err
	}
	if o.PPID, err = parsePID(given, "ppid"); err != nil {
		return err
	}
	o.Signal = unix.SIGTERM
	if given.has("signal") {
		if o.Signal, err = ParseSignal(given["signal"]); err != nil {
			return fmt.Errorf("--signal: %w", err)
		}
	}
	if given.has("retry") {
		if o.Retry, err = ParseSchedule(given["retry"], o.Signal); err != nil {
			return fmt.Errorf("--retry: %w", err)
		}
	}
	return nil
}

func parsePID(given values, name string) (int, error) {
	value, ok := given[name]
	if !ok {
		return 0, nil
	}
	n, err := parseUnsigned(value, 10) // `ps -o pid=` prints blanks before it
	if err != nil || n < 1 {
		return 0, fmt.Errorf("--%s %q: write a number greater than 0", name, value)
	}
	return n, nil
}

// check holds the line against what start-stop-daemon(8) says of its options.
func (o *Options) check(given values) error {
	switch {
	case o.Action == ActionNone:
		return errors.New("no command: write one of --start, --stop and --status")
	case o.PID == 0 && o.PPID == 0 && o.Pidfile == "" && o.Exec == "" && o.Name == "" && o.User == "":
		return errors.New("nothing says which process: write at least one of --exec, --pid, --ppid, --pidfile, --user and --name")
	case o.Action == Start && o.Exec == "" && o.Startas == "":
		return errors.New("nothing says what to start: write --exec or --startas")
	case o.MakePidfile && o.Pidfile == "":
		return errors.New("--make-pidfile does not say which file: write --pidfile, too")
	case o.RemovePidfile && o.Pidfile == "":
		return errors.New("--remove-pidfile does not say which file: write --pidfile, too")
	case o.PID != 0 && o.Pidfile != "":
		return errors.New("--pid and --pidfile exclude each other: write one of them")
	case o.Background && o.Action != Start:
		return errors.New("--background is for --start only: leave it out")
	case given.has("no-close") && !o.Background:
		return errors.New("--no-close is for --background only: write that, too, or leave it out")
	case given.has("output") && !o.Background:
		return errors.New("--output is for --background only: write that, too, or leave it out")
	}
	return nil
}
