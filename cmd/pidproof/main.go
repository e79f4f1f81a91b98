// Pidproof answers whether the process a pidfile names really is the daemon.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/sys/unix"
)

// version is set by the Makefile.
var version = "unknown"

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
	// lost is the first error of writing an answer, deaf who did not read in time.
	lost error
	deaf map[io.Writer]bool
}

// say writes one line for a script or a log; whatever a process or a file name
// smuggled in is escaped.
func (c *console) say(format string, args ...any) {
	c.print(printable(fmt.Sprintf(format, args...)) + "\n")
}

// print keeps the error of a full disk or a closed pipe: an answer that was
// lost is no answer.
func (c *console) print(text string) {
	if err := c.write(c.stdout, text); err != nil && c.lost == nil {
		c.lost = err
	}
}

// helpText is a console as kong writes help to it.
type helpText struct{ *console }

func (t helpText) Write(text []byte) (int, error) {
	t.print(string(text))
	return len(text), nil
}

func (c *console) warn(format string, args ...any) {
	_ = c.write(c.stderr, "pidproof: "+printable(fmt.Sprintf(format, args...))+"\n") // there is nobody else to tell
}

func main() {
	os.Exit(run(os.Args, withoutSIGPIPE(os.Stdout, 1), withoutSIGPIPE(os.Stderr, 2)))
}

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

// run is pidproof without the process around it.
func run(args []string, stdout, stderr io.Writer) int {
	c := &console{stdout: stdout, stderr: stderr, caller: os.Getppid(), deaf: map[io.Writer]bool{}, timeout: defaultTimeout}
	name, args := filepath.Base(args[0]), args[1:]
	hint := "(see pidproof --help)"
	if name == "pidof" || name == ssdName {
		args, hint = append([]string{name}, args...), "(see "+name+" --help)"
	}

	args = getoptOrder(args)
	if asked := commandIn(args); indexOf(asked) >= 0 && asked != name {
		hint = "(see pidproof " + asked + " --help)"
	}
	cmd, plain := plainLine(args)
	if c.timeout = defaultTimeout; !plain {
		if cmd = c.parse(args, hint); cmd == nil {
			return c.end()
		}
	}
	if !c.isolate(cmd, args, c.timeout) {
		if c.isolated() {
			c.timeout = 0
		}
		if err := cmd.Run(c); err != nil {
			c.warn("%v", err)
			return exitUnknown
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
	parser, options, err := commandLine(args, kong.Writers(helpText{c}, c.stderr), kong.Exit(func(int) { ended = true }))
	if err == nil {
		var parsed *kong.Context
		if parsed, err = parser.Parse(args); err == nil && !ended {
			c.timeout = time.Duration(options.Timeout)
			return parsed.Selected().Target.Addr().Interface().(runner)
		}
	}
	if !ended {
		c.warn("%s %s", plainUsage(err), hint)
		c.exit = exitUnknown
	}
	return nil
}

// become ends as another program; that it returns is a failure.
func (c *console) become(cmd runner) int {
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
