// Pidproof answers whether the process a pidfile names really is the daemon.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// version is set by the Makefile.
var version = "unknown"

type commands struct {
	Timeout time.Duration    `default:"10s" placeholder:"TIME" help:"Give up after this long (10s, 500ms) and answer unknown. Default: 10s."`
	Version kong.VersionFlag `help:"Print the version and exit."`

	Check     checkCmd     `cmd:"" help:"May this daemon be acted on through its pidfile?"`
	Explain   explainCmd   `cmd:"" help:"Every fact, every rule, and what to do next."`
	Status    statusCmd    `cmd:"" help:"LSB status: one line, exit 0, 1, 3 or 4."`
	Pidofproc pidofprocCmd `cmd:"" help:"LSB pidofproc: the PID, exit 0, 1, 3 or 4."`
	Pidof     pidofCmd     `cmd:"" help:"Find the PIDs of a program, as pidof(8) does."`
}

// console is what a command writes to and ends with.
type console struct {
	ctx            context.Context
	stdout, stderr io.Writer
	exit           int
	// unanswered, when set, is what did not answer in time; commands then give
	// that answer without looking themselves.
	unanswered string
}

// say writes one line for a script or a log; whatever a process or a file name
// smuggled in is escaped.
func (c *console) say(format string, args ...any) {
	fmt.Fprintln(c.stdout, printable(fmt.Sprintf(format, args...)))
}

func (c *console) warn(format string, args ...any) {
	fmt.Fprintln(c.stderr, "pidproof: "+printable(fmt.Sprintf(format, args...)))
}

func main() {
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// run is pidproof without the process around it.
func run(args []string, stdout, stderr io.Writer) int {
	c := &console{stdout: stdout, stderr: stderr}
	name, args := filepath.Base(args[0]), args[1:]
	if name == "pidof" {
		args = append([]string{"pidof"}, args...)
	}

	var cmds commands
	ended := false
	parser, err := kong.New(&cmds,
		kong.Name("pidproof"),
		kong.Description("Is the process my pidfile names really this daemon, and does anything run that no pidfile accounts for?"),
		kong.Vars{"version": version},
		kong.Writers(stdout, stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 80}),
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
		c.warn("%s (see pidproof --help)", strings.ReplaceAll(err.Error(), "\n", " "))
		return exitUnknown
	}
	if c.isolate(parsed.Selected().Target.Addr().Interface(), args, cmds.Timeout) {
		return c.exit
	}
	if os.Getenv(isolatedEnv) != "" {
		cmds.Timeout = time.Hour // the first process keeps the time
	}
	var cancel context.CancelFunc
	c.ctx, cancel = context.WithTimeout(context.Background(), cmds.Timeout)
	defer cancel()
	if err := parsed.Run(c); err != nil {
		c.warn("%v", err)
		return exitUnknown
	}
	return c.exit
}
