// Pidproof answers whether the process a pidfile names really is the daemon.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// version is set by the Makefile.
var version = "unknown"

type commands struct {
	Timeout patience         `default:"10s" placeholder:"TIME" help:"Give up after this long (10, 10s, 500ms) and answer unknown. Default: 10s."`
	Version kong.VersionFlag `short:"V" help:"Print the version and exit."`

	Check           checkCmd           `cmd:"" help:"May this daemon be acted on through its pidfile?"`
	Explain         explainCmd         `cmd:"" help:"Every fact, every rule, and what to do next."`
	Status          statusCmd          `cmd:"" help:"LSB status: one line, exit 0, 1, 3 or 4."`
	Pidofproc       pidofprocCmd       `cmd:"" help:"LSB pidofproc: the PID, exit 0, 1, 3 or 4."`
	Killproc        killprocCmd        `cmd:"" help:"LSB killproc: signal the daemon, or end it and wait."`
	StartDaemon     startDaemonCmd     `cmd:"" name:"start_daemon" help:"LSB start_daemon: become the daemon, unless it runs."`
	Wait            waitCmd            `cmd:"" help:"Wait until the daemon has started, or stopped."`
	Pidof           pidofCmd           `cmd:"" help:"Find the PIDs of a program, as pidof(8) does."`
	StartStopDaemon startStopDaemonCmd `cmd:"" name:"start-stop-daemon" passthrough:"" help:"dpkg's start-stop-daemon(8), with proof."`
}

// console is what a command writes to and ends with.
type console struct {
	stdout, stderr io.Writer
	exit           int
	timeout        time.Duration // of one question; 0: none
	// handOver: the command is to become another program.
	handOver bool
	// unanswered, when set, is what did not answer in time; commands then give
	// that answer without looking themselves.
	unanswered string
	// caller is the process that called us.
	caller int
	// lost is the first error of writing an answer.
	lost error
}

// patience is a duration; a bare number means seconds.
type patience time.Duration

func (p patience) String() string { return time.Duration(p).String() }

func (p *patience) UnmarshalText(text []byte) error {
	d, err := parseTime(string(text))
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is no time above 0 (10, 10s, 500ms)", text)
	}
	*p = patience(d)
	return nil
}

func parseTime(s string) (time.Duration, error) {
	if strings.Trim(s, "0123456789.") == "" {
		s += "s"
	}
	d, err := time.ParseDuration(s)
	return min(d, longest), err
}

// longest is as good as forever, and can be added to.
const longest = 10 * 365 * 24 * time.Hour

// say writes one line for a script or a log; whatever a process or a file name
// smuggled in is escaped.
func (c *console) say(format string, args ...any) {
	c.print(printable(fmt.Sprintf(format, args...)) + "\n")
}

// print keeps the error of a full disk or a closed pipe: an answer that was
// lost is no answer.
func (c *console) print(text string) {
	if _, err := io.WriteString(c.stdout, text); err != nil && c.lost == nil {
		c.lost = err
	}
}

func (c *console) warn(format string, args ...any) {
	fmt.Fprintln(c.stderr, "pidproof: "+printable(fmt.Sprintf(format, args...)))
}

func main() {
	// A reader that has gone is an error like a full disk. Not Ignore: what we may
	// become would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// run is pidproof without the process around it.
func run(args []string, stdout, stderr io.Writer) int {
	c := &console{stdout: stdout, stderr: stderr, caller: os.Getppid()}
	name, args := filepath.Base(args[0]), args[1:]
	hint := "(see pidproof --help)"
	if name == "pidof" || name == ssdName {
		args, hint = append([]string{name}, args...), "(see "+name+" --help)"
	}

	var cmds commands
	ended := false
	parser, err := kong.New(&cmds,
		kong.Name("pidproof"),
		kong.Description("Is the process my pidfile names really this daemon, and does anything run that no pidfile accounts for?"),
		kong.Vars{"version": "pidproof " + version},
		kong.Writers(stdout, stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 80}),
		kong.KindMapper(reflect.String, kong.MapperFunc(verbatim)),
		kong.Exit(func(int) { ended = true }), // --help and --version have answered
	)
	if err != nil {
		c.warn("%v", err)
		return exitUnknown
	}
	parsed, err := parser.Parse(args)
	if ended {
		return 0
	}
	if err != nil {
		c.warn("%s %s", plainUsage(err), hint)
		return exitUnknown
	}
	cmd := parsed.Selected().Target.Addr().Interface()
	c.timeout = time.Duration(cmds.Timeout)
	if !c.isolate(cmd, args, c.timeout) {
		if c.isolated() {
			c.timeout = 0
		}
		if err := parsed.Run(c); err != nil {
			c.warn("%v", err)
			return exitUnknown
		}
	}
	if c.handOver {
		return c.become(cmd)
	}
	return c.end()
}

// verbatim takes an argument byte by byte: kong's own mapper goes through JSON,
// which changes names that are not UTF-8.
func verbatim(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("string")
	if err != nil {
		return err
	}
	target.SetString(token.String())
	return nil
}

// become ends as another program; that it returns is a failure.
func (c *console) become(cmd any) int {
	if c.isolated() {
		return exitHandOver
	}
	program := cmd.(becomer)
	c.warn("%v", program.become())
	return program.exitFailed()
}

func (c *console) end() int {
	if c.lost != nil {
		c.warn("the answer could not be written: %v", c.lost)
		return exitUnknown
	}
	return c.exit
}

// plainUsage says kong's two commonest complaints in a script's terms.
func plainUsage(err error) string {
	said := strings.ReplaceAll(err.Error(), "\n", " ")
	if before, _, found := strings.Cut(said, `: expected string value but got "EOL"`); found {
		return before + ": its value is missing"
	}
	if word, found := strings.CutPrefix(said, "unexpected argument "); found && !strings.Contains(word, ":") {
		said = "unknown command or one argument too many: " + word
	}
	if option, rest, found := strings.Cut(said, " value but got "); found {
		option, _, _ = strings.Cut(option, ": expected")
		rest, _, _ = strings.Cut(rest, " (")
		return fmt.Sprintf("%s: %s cannot be its value", option, rest)
	}
	said = strings.ReplaceAll(said, `expected "<program> ..."`, "the argument PROGRAM is missing")
	said = strings.ReplaceAll(said, `expected "<daemon> ..."`, "the argument DAEMON is missing")
	said = strings.ReplaceAll(said, `expected "<state> <daemon>"`, "the arguments STATE and DAEMON are missing")
	return strings.ReplaceAll(said, `expected "<daemon>"`, "the argument DAEMON is missing")
}
