// Pidproof answers whether the process a pidfile names really is the daemon.
package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/isolate"
	"pidproof/cmd/pidproof/internal/say"
)

// version is set by the Makefile.
var version = "unknown"

// console is what a command asks, writes to and ends with.
type console struct {
	*say.Console
	*ask.Asker
	exit int
	// exitAnswers: the command is a byExit.
	exitAnswers bool
	// handOver: the command is to become another program.
	handOver bool
}

// giveUpAfter is for each question, and for each reader of an answer; 0: never.
func (c *console) giveUpAfter(timeout time.Duration) { c.Timeout, c.Patience = timeout, timeout }

// helpText is a console as kong writes help to it.
type helpText struct{ *console }

func (t helpText) Write(text []byte) (int, error) {
	t.Print(string(text))
	return len(text), nil
}

func main() {
	debug.SetMemoryLimit(softMemoryLimit)
	os.Exit(run(os.Args, withoutSIGPIPE(os.Stdout, 1), withoutSIGPIPE(os.Stderr, 2)))
}

// softMemoryLimit makes the collector of garbage work harder instead of letting the program grow beside thousands of
// processes that run one file, which anybody can start. It is what few questions come near.
const softMemoryLimit = 16 << 20

// withoutSIGPIPE makes of a reader that has gone an error like a full disk. Go's
// os.File ends the program with SIGPIPE for descriptors 1 and 2 only (os/signal);
// to ask for that signal would start two threads, and to ignore it would be
// inherited by what we become.
func withoutSIGPIPE(f *os.File, number uintptr) *os.File {
	fd, err := unix.FcntlInt(number, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return f
	}
	return os.NewFile(uintptr(fd), f.Name())
}

// runner is a command whose arguments were read.
type runner interface{ Run(*console) error }

// byExit is a command whose exit code is its answer: what it prints may be lost.
type byExit interface{ answersByExit() }

// becomer is a command that may end as another program.
type becomer interface {
	become() error
	// exitFailed is the exit code when become failed.
	exitFailed() int
}

// run is pidproof without the process around it.
func run(args []string, stdout, stderr io.Writer) int {
	c := &console{Console: say.NewConsole(stdout, stderr, ask.DefaultTimeout), Asker: &ask.Asker{Caller: os.Getppid(), Timeout: ask.DefaultTimeout}}
	name, args := filepath.Base(args[0]), args[1:]
	hint := "(see pidproof --help)"
	if name == "pidof" || name == handover.StartStopDaemon {
		args, hint = append([]string{name}, args...), "(see "+name+" --help)"
	}

	if len(args) == 0 {
		c.Warn("no command is given; pidproof help lists them")
		return exitcode.Unknown
	}
	if word := surplus(args); word != "" {
		c.Warn("one argument too many: %s %s", word, hint)
		return exitcode.Unknown
	}
	args = getoptOrder(helpWords(args))
	if asked := commandIn(args); indexOf(asked) >= 0 && asked != name {
		hint = "(see pidproof " + asked + " --help)"
	}
	cmd, plain := plainLine(args)
	if c.giveUpAfter(ask.DefaultTimeout); !plain {
		if cmd = c.parse(args, hint); cmd == nil {
			return c.end()
		}
	}
	_, c.exitAnswers = cmd.(byExit)
	if !c.isolate(cmd, args, c.Timeout) {
		if c.isolated() {
			c.giveUpAfter(0)
		}
		if err := cmd.Run(c); err != nil {
			c.Warn("%v", err)
			return exitcode.Unknown
		}
	}
	if c.handOver {
		return c.become(cmd)
	}
	return c.end()
}

// parse has kong read a command line. It returns nil where that is all there is to
// do: after --help, --version or a usage error.
func (c *console) parse(args []string, hint string) runner {
	ended := false
	parser, options, err := commandLine(args, kong.Writers(helpText{c}, c.Stderr), kong.Exit(func(int) { ended = true }))
	if err == nil {
		var parsed *kong.Context
		if parsed, err = parser.Parse(args); err == nil && !ended {
			c.giveUpAfter(time.Duration(options.Timeout))
			return parsed.Selected().Target.Addr().Interface().(runner)
		}
	}
	if !ended {
		c.Warn("%s %s", usageError(err), hint)
		c.exit = exitcode.Unknown
	}
	return nil
}

// become ends as another program; that it returns is a failure.
func (c *console) become(cmd runner) int {
	if c.isolated() {
		return isolate.HandOver
	}
	program := cmd.(becomer)
	c.Warn("%v", program.become())
	return program.exitFailed()
}

// end gives the exit code. A reader that has gone, as head(1) does, has what it wanted:
// other programs end silently then, of SIGPIPE.
func (c *console) end() int {
	if c.Lost == nil {
		return c.exit
	}
	if !errors.Is(c.Lost, unix.EPIPE) {
		c.Warn("the answer could not be written: %v", c.Lost)
	}
	if c.exitAnswers {
		return c.exit
	}
	return exitcode.Unknown
}
