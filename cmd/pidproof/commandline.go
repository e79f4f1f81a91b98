package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/plainline"
)

// shared are the options of every command.
type shared struct {
	Timeout patience    `default:"10s" placeholder:"TIME" help:"Give up after this long (10, 10s, 500ms) and answer unknown. Default: 10s."`
	Version versionFlag `short:"V" help:"Print the version and exit."`
}

// versionFlag is kong.VersionFlag less its variable, which kong would look for in
// every text of the model.
type versionFlag bool

func (versionFlag) BeforeReset(k *kong.Kong) error {
	_, err := fmt.Fprintln(k.Stdout, "pidproof "+version)
	k.Exit(0)
	return err
}

// command is one of pidproof's, with the runner that takes its arguments.
type command struct {
	name, help string
	grammar    func() runner
	tags       []string
}

// commands in the order of the help and the man page.
var commands = []command{
	{"check", "May this daemon be acted on through its pidfile?", func() runner { return new(checkCmd) }, nil},
	{"explain", "Every fact, every rule, and what to do next.", func() runner { return new(explainCmd) }, nil},
	{"status", "LSB status: one line, exit 0, 1, 3 or 4.", func() runner { return new(statusCmd) }, nil},
	{"pidofproc", "LSB pidofproc: the PID, exit 0, 1, 3 or 4.", func() runner { return new(pidofprocCmd) }, nil},
	{"killproc", "LSB killproc: signal the daemon, or end it and wait.", func() runner { return new(killprocCmd) }, nil},
	{"start_daemon", "LSB start_daemon: become the daemon, unless it runs.", func() runner { return new(startDaemonCmd) }, nil},
	{"wait", "Wait until the daemon has started, or stopped.", func() runner { return new(waitCmd) }, nil},
	{"list", "Every instance on this host, and what no pidfile claims.", func() runner { return new(listCmd) }, nil},
	{"register", "Have an instance listed, and restarted after upgrades.", func() runner { return new(registerCmd) }, nil},
	{"unregister", "Remove the registration of an instance.", func() runner { return new(unregisterCmd) }, nil},
	{"restart", "Restart the registered instances that run an old binary.", func() runner { return new(restartCmd) }, nil},
	{"after-upgrade", "What apt calls: report or restart what runs an old binary.", func() runner { return new(afterUpgradeCmd) }, nil},
	{"adopt", "Write a lost pidfile anew, if only one process can be meant.", func() runner { return new(adoptCmd) }, nil},
	{"triggers", "What could start a service again on demand.", func() runner { return new(triggersCmd) }, nil},
	{"quiesce", "Stop a service, and hold off what could start it again.", func() runner { return new(quiesceCmd) }, nil},
	{"unquiesce", "Restore what quiesce has held off.", func() runner { return new(unquiesceCmd) }, nil},
	{handover.InvokeRC, "Debian's invoke-rc.d(8), whose stop means stopped.", func() runner { return new(invokeRcdCmd) }, []string{`cmd:""`, `passthrough:""`}},
	{handover.DebSystemdInvoke, "Debian's deb-systemd-invoke(1p), likewise.", func() runner { return new(debSystemdInvokeCmd) }, []string{`cmd:""`, `passthrough:""`}},
	{"audit", "Which scripts ask or signal by a bare number or name?", func() runner { return new(auditCmd) }, nil},
	{"doctor", "Is pidproof at work on this host, and what is left to do?", func() runner { return new(doctorCmd) }, nil},
	{"pidof", "Find the PIDs of a program, as pidof(8) does.", func() runner { return new(pidofCmd) }, nil},
	{handover.StartStopDaemon, "dpkg's start-stop-daemon(8), with proof.", func() runner { return new(startStopDaemonCmd) }, []string{`cmd:""`, `passthrough:""`}},
}

// commandLine is the parser of the command that args ask for. Each command in
// kong's model costs start-up time, so the others are built only where kong
// has to list them: for help and where no command is recognized.
func commandLine(args []string, options ...kong.Option) (*kong.Kong, *shared, error) {
	wanted := commands
	if i := indexOf(commandIn(args)); i >= 0 {
		wanted = commands[i : i+1]
	}
	for _, c := range wanted {
		options = append(options, kong.DynamicCommand(c.name, c.help, "", c.grammar(), c.tags...))
	}
	common := new(shared)
	parser, err := kong.New(common, append(options,
		kong.Name("pidproof"),
		kong.Description("Is the process my pidfile names really this daemon, and does anything run that no pidfile accounts for?"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 80}),
		kong.Help(usageFirst),
		kong.KindMapper(reflect.String, kong.MapperFunc(verbatim)),
		kong.KindMapper(reflect.Bool, word{}),
	)...)
	return parser, common, err
}

// plainLine is the command that args ask for, where plainline can read them.
func plainLine(args []string) (cmd runner, plain bool) {
	at := indexOf(args[0])
	if at < 0 {
		return nil, false
	}
	cmd = commands[at].grammar()
	switch cmd := cmd.(type) { // all of the line is another program's
	case *startStopDaemonCmd:
		cmd.Words = args[1:]
		return cmd, true
	case *invokeRcdCmd:
		cmd.Words = args[1:]
		return cmd, true
	case *debSystemdInvokeCmd:
		cmd.Words = args[1:]
		return cmd, true
	}
	return cmd, plainline.Read(cmd, args[1:])
}

// usageOf are the usages that kong words so that its own parser refuses them, or that lack
// what is needed: what stands behind DAEMON is the daemon's here, or a signal.
func usageOf(command string) string {
	switch command {
	case "killproc":
		return "[flags] <daemon> [<signal>]"
	case "start_daemon":
		return "[flags] <daemon> [<argument> ...]"
	case "register":
		return "<name> -p PIDFILE [flags] <daemon>\n       [--restart <command> ...]"
	case "restart":
		return "--replaced [flags] [<daemon> ...]"
	}
	return ""
}

// usageFirst is kong's help, with our usage line where we have one.
func usageFirst(options kong.HelpOptions, ctx *kong.Context) error {
	if cmd := ctx.Selected(); cmd != nil && usageOf(cmd.Name) != "" {
		if _, err := fmt.Fprintf(ctx.Stdout, "Usage: pidproof %s %s\n", cmd.Name, usageOf(cmd.Name)); err != nil {
			return err
		}
		options.NoAppSummary = true
	}
	return kong.DefaultHelpPrinter(options, ctx)
}

// helpWords makes options of the words that people write in their place.
func helpWords(args []string) []string {
	switch {
	case args[0] == "help" && len(args) <= 2:
		return append(args[1:len(args):len(args)], "--help")
	case args[0] == "version" && len(args) == 1:
		return []string{"--version"}
	}
	return args
}

// surplus is a word that is one too many for help or version; "" if there is none.
func surplus(args []string) string {
	most := map[string]int{"help": 2, "version": 1}[args[0]]
	if most > 0 && len(args) > most && !strings.HasPrefix(args[most-1], "-") && !strings.HasPrefix(args[most], "-") {
		return args[most]
	}
	return ""
}

// indexOf is where a command stands in commands, -1 if there is none of that name.
func indexOf(name string) int {
	return slices.IndexFunc(commands, func(c command) bool { return c.name == name })
}

// commandIn is the first word that is no option and no option's value; "" where
// that takes a parser to find.
func commandIn(args []string) string {
	for i := 0; i < len(args); i++ {
		switch word := args[i]; {
		case word == "--timeout":
			i++
		case strings.HasPrefix(word, "--timeout="):
		case strings.HasPrefix(word, "-"):
			return ""
		default:
			return word
		}
	}
	return ""
}
