package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"pidproof/matcher"
	"pidproof/matcher/host"
)

type pidofCmd struct {
	SameRoot  bool     `short:"c" name:"same-root" help:"Only processes with our root directory; ignored unless root."`
	Separator string   `short:"d" default:" " placeholder:"SEP" help:"Print this character between PIDs. Default: a blank."`
	NetFS     bool     `short:"n" name:"no-stat" help:"Accepted and ignored: no network file system is ever waited for."`
	Omit      []string `short:"o" sep:"none" placeholder:"PID,..." help:"Leave out these PIDs; %PPID is the calling shell."`
	Quiet     bool     `short:"q" help:"Print nothing; the exit status says it."`
	Single    bool     `short:"s" help:"Print one PID for each program."`
	Scripts   bool     `short:"x" help:"Also interpreters that run a script of that name."`
	Zombies   bool     `short:"z" help:"Also zombies."`
	Programs  []string `arg:"" name:"program" help:"A path, or a name."`
}

func (pidofCmd) Help() string {
	return `Takes the options of sysvinit's pidof(8). Given a path, it finds the processes of the old and of the new file after an upgrade together, and no container's. Exit status: 0 at least one was found, 1 none, 4 it could not be found out.`
}

func (cmd pidofCmd) Run(c *console) error {
	omit, err := cmd.omitted(c)
	if err != nil {
		return err
	}
	how := matcher.Finding{Scripts: cmd.Scripts, Zombies: cmd.Zombies, SameRoot: cmd.SameRoot && os.Geteuid() == 0}
	var words []string
	for _, program := range cmd.Programs {
		pids, err := c.Find(program, how)
		if err != nil {
			return err
		}
		for _, pid := range pids {
			if omit[pid] {
				continue
			}
			words = append(words, strconv.Itoa(pid))
			if cmd.Single {
				break
			}
		}
	}
	if len(words) == 0 {
		c.exit = 1
		return nil
	}
	if !cmd.Quiet {
		c.Print(strings.Join(words, cmd.separator()) + "\n")
	}
	return nil
}

// separator is a single byte, as sysvinit's optarg[0]: NUL where SEP is empty.
func (cmd pidofCmd) separator() string { return (cmd.Separator + "\x00")[:1] }

// omitted reads the lists of -o. A word that is no PID is complained about; what
// sysvinit's atoi(3) makes of it counts all the same.
func (cmd pidofCmd) omitted(c *console) (omit map[int]bool, err error) {
	omit = map[int]bool{}
	for _, list := range cmd.Omit {
		for _, word := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(",;:", r) }) {
			if word == "%PPID" {
				caller, err := host.Caller(c.Caller)
				if err != nil {
					return nil, fmt.Errorf("who asks cannot be told: %w", err)
				}
				for _, pid := range caller {
					omit[pid] = true
				}
				continue
			}
			pid, rest := leadingNumber(word)
			if pid < 1 {
				c.Warn("pidof: -o %s is no PID, ignored", word)
				continue
			}
			if rest != "" {
				c.Warn("pidof: -o %s is no PID, taken for %d", word, pid)
			}
			omit[pid] = true
		}
	}
	return omit, nil
}

// leadingNumber reads a word as atoi(3) does: blanks, a sign, digits. It is 0
// for what begins with no number, or has too large a one.
func leadingNumber(word string) (n int, rest string) {
	word = strings.TrimLeft(word, " \t\n\v\f\r")
	digits := word
	if digits != "" && strings.ContainsRune("+-", rune(digits[0])) {
		digits = digits[1:]
	}
	rest = strings.TrimLeft(digits, "0123456789")
	n, err := strconv.Atoi(strings.TrimSuffix(word, rest))
	if err != nil {
		return 0, rest
	}
	return n, rest
}
