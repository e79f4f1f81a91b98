package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"pidproof/testdata/waiting"
)

// answer is what a tool said.
type answer struct {
	Tool string
	Kind string // askStatus and the like
	outcome
}

// beAsker arranges a scenario and asks every tool what it can answer.
func beAsker(orders io.Reader, says io.Writer) error {
	var o order
	if err := json.NewDecoder(orders).Decode(&o); err != nil {
		return err
	}
	r := testimony{}
	q, err := arrange(o)
	if err == nil {
		r.Question = q
		r.Answers, err = askAll(o, q)
	}
	if err != nil {
		r.Broken = err.Error()
	}
	return json.NewEncoder(says).Encode(r)
}

// arranging is bounded, too; it takes milliseconds.
const arranging = waiting.Limit

// arrange runs the script. It is run by bash, which can say which line it was in when it failed.
func arrange(o order) (question, error) {
	trace, err := os.CreateTemp("/run", "trace")
	if err != nil {
		return question{}, err
	}
	defer trace.Close()
	if err := os.Remove(trace.Name()); err != nil {
		return question{}, err
	}
	// In place of the first line, #!/bin/sh: root's bash takes no PS4 from the environment. The text, not the file: the
	// file may lie where the mounts are now.
	_, rest, _ := strings.Cut(o.Text, "\n")
	script := exec.Command("bash", "--posix", "-c", "PS4='+$LINENO '; set -eux\n"+rest, o.Script)
	script.Dir = workDir
	script.Env = append(plainEnv(),
		"WORK="+workDir, "DEMOD="+o.Programs+"/demod", "ARGVD="+o.Programs+"/argvd",
		"BASH_XTRACEFD=3")
	script.ExtraFiles = []*os.File{trace} // what the script starts inherits it, to no effect
	said, err := bounded(script, arranging)
	if errors.Is(err, exec.ErrWaitDelay) {
		return question{}, errors.New("a process that it started keeps its output open")
	}
	if err != nil {
		return question{}, err
	}
	if said.Hung || said.Exit != 0 {
		return question{}, errors.New(failure(said, trace))
	}
	q, err := parseQuestion(said.Stdout)
	if err != nil {
		return q, err
	}
	_, err = q.starts()
	return q, err
}

// failure names the line, and the command where that did not complain itself: `[ ... ]` and false are silent.
func failure(said outcome, trace io.ReaderAt) string {
	number, command := lastLine(trace)
	complaint := strings.TrimSpace(said.Stderr)
	switch {
	case said.Hung:
		return fmt.Sprintf("line %s: not done after %v; a daemon in the foreground? (-daemonize, or & and </dev/null)",
			number, arranging)
	case complaint == "":
		return fmt.Sprintf("line %s: `%s` failed, exit %d", number, command, said.Exit)
	}
	return fmt.Sprintf("line %s: exit %d: %s", number, said.Exit, complaint)
}

// lastLine reads bash's trace to its end: "+LINE COMMAND", a "+" for each subshell.
func lastLine(trace io.ReaderAt) (number, command string) {
	content, err := io.ReadAll(io.NewSectionReader(trace, 0, 1<<20))
	if err != nil {
		return "?", "?"
	}
	number, command = "?", "?"
	for line := range strings.Lines(string(content)) {
		if rest := strings.TrimLeft(line, "+"); rest != line {
			number, command, _ = strings.Cut(strings.TrimSpace(rest), " ")
		}
	}
	return number, command
}

func plainEnv() []string {
	return []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/"}
}

// askAll asks one after the other: no tool may see another one.
func askAll(o order, q question) ([]answer, error) {
	before, err := q.starts()
	if err != nil {
		return nil, err
	}
	var answers []answer
	for _, t := range tools {
		for _, ask := range t.asks {
			if !o.Peers.has(t) || !q.asks(ask.kind) {
				continue
			}
			said, err := askOne(o, q, ask)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			answers = append(answers, answer{t.name, ask.kind, said})
			after, err := q.starts()
			if err == nil && !maps.Equal(before, after) {
				err = fmt.Errorf("%v, and now %v", before, after)
			}
			if err != nil { // a signal takes its time: it may have been the tool before
				return nil, fmt.Errorf("%s was asked, and the processes are no longer the same: %w", t.name, err)
			}
		}
	}
	return answers, nil
}

func askOne(o order, q question, a ask) (outcome, error) {
	argv := a.argv(o, q.Daemon, q.Pidfile)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = "/", plainEnv()
	if q.User != 0 {
		id := uint32(q.User)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
	}
	return bounded(cmd, o.Deadline)
}

// starts checks that the processes are what the scenario says, and gives the start time of each (proc_pid_stat(5)), and
// whether it is a zombie.
func (q question) starts() (map[string]string, error) {
	starts := map[string]string{}
	for name, pid := range q.Processes {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("process %s: none has the number %d", name, pid)
		}
		if err != nil {
			return nil, fmt.Errorf("process %s: %w", name, err)
		}
		// After the name, which may hold anything, come the fields from the third on.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 20 {
			return nil, fmt.Errorf("process %s: its stat has %d fields after the name", name, len(fields))
		}
		starts[name] = fields[19]
		if fields[0] == "Z" {
			starts[name] += " zombie"
		}
	}
	for name, pid := range q.Gone {
		if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
			return nil, fmt.Errorf("process %s (%d) is not gone", name, pid)
		}
	}
	return starts, nil
}

func (q question) asks(kind string) bool {
	switch kind {
	case askStatus:
		return q.Status != "" && q.named()
	case askUnnamed:
		return q.Status != "" && !q.named()
	case askStart:
		return q.Start != ""
	}
	return q.Pids != nil
}
