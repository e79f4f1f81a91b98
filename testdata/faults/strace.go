package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// fault is one that is injected: the nth time that a thread makes the call.
type fault struct {
	Call, Errno string
	Nth         int
	Alone       bool // Go's scheduler has one processor
}

func (f fault) String() string {
	if f.Call == "" {
		return "no fault"
	}
	said := fmt.Sprintf("%s %s when=%d", f.Call, f.Errno, f.Nth)
	if f.Alone {
		said += " " + oneProcessor
	}
	return said
}

const oneProcessor = "GOMAXPROCS=1"

// run is what came of a command.
type run struct {
	exit           int
	stdout, stderr string
	calls          []call
	hung           bool
}

// runTime is far beyond what a run takes, patience for processes that do not end
// included.
const runTime = 2 * time.Minute

// under runs a command under strace, with one fault or none. What pidproof executes
// is let go: its faults are none of ours. (Such runs are slower: a seccomp filter,
// with which strace stops at these calls only, cannot be taken back.)
func (s *scene) under(f fault, c command) (run, error) {
	h := s.host
	log := filepath.Join(h.dir, "strace.log")
	args := []string{h.strace, "-f", "-qq", "-s", "0", "--decode-fds=path,pidfd", "--signal=none", "-o", log}
	if c.executes {
		args = append(args, "--detach-on=execve")
	} else {
		args = append(args, "--seccomp-bpf")
	}
	traced := calls
	if f.Call != "" {
		// The others would only cost time; these tell harm, and whose a call is.
		traced = []string{f.Call, "pidfd_send_signal", "kill", "clone", "clone3", "execve", "getppid"}
		args = append(args, "-e", fmt.Sprintf("inject=%s:error=%s:when=%d", f.Call, f.Errno, f.Nth))
	} else {
		traced = append([]string{"getppid"}, traced...)
	}
	args = append(args, "-e", "trace="+strings.Join(traced, ","), h.path("bin/pidproof"))
	if f.Call == "read" && f.Errno == "EAGAIN" {
		// Go waits for the file to become readable then, which no file of /proc ever does.
		args = append(args, "--timeout=2s")
	}
	args = append(args, c.args(s)...)
	out, errs := filepath.Join(h.dir, "stdout"), filepath.Join(h.dir, "stderr")
	env := c.env(h)
	if f.Alone {
		env = append(env, oneProcessor)
	}
	exit, hung, err := h.execute(args, env, out, errs, runTime)
	if err != nil {
		return run{}, err
	}
	r := run{exit: exit, hung: hung}
	for path, into := range map[string]*string{out: &r.stdout, errs: &r.stderr} {
		content, err := os.ReadFile(path)
		if err != nil {
			return r, err
		}
		*into = s.plain(string(content))
	}
	content, err := os.ReadFile(log)
	if err != nil {
		return r, err
	}
	r.calls = parseLog(string(content))
	return r, nil
}

var signals = regexp.MustCompile(`\bsignal \d+\b`)

var times = regexp.MustCompile(`\b\d+:\d\d(:\d\d)?\b`)

// plain is what a command says, with words in place of what differs from one scene to
// the next: numbers of processes, times, and the widths of columns.
func (s *scene) plain(said string) string {
	said = times.ReplaceAllString(said, "TIME")
	said = signals.ReplaceAllString(said, "signal NUMBER") // a process may have that number
	inJSON := strings.HasPrefix(said, "{")
	for pid := range s.processes {
		word := "<" + s.who(pid) + ">"
		if inJSON { // where it stands in texts, too
			word = s.number(pid)
		}
		said = regexp.MustCompile(fmt.Sprintf(`\b%d\b`, pid)).ReplaceAllString(said, word)
	}
	return blanks.ReplaceAllString(said, " ")
}

var blanks = regexp.MustCompile(` +`)
