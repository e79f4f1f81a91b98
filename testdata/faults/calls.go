package faults

import (
	"regexp"
	"strings"
)

// call is one line of strace's log.
type call struct {
	thread   string
	name     string
	args     string // with the paths of descriptors, "5</run>"
	result   string
	injected bool
	// own is false before main, where Go's runtime asks on its own behalf, and after
	// the process has become another program.
	own bool
}

var logLine = regexp.MustCompile(`^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$`)

// parseLog reads strace's log. A call that others interrupt stands in two lines.
func parseLog(log string) (calls []call) {
	begun := map[string]call{}
	own, became := false, false
	for line := range strings.Lines(log) {
		m := logLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue // of a signal or an exit
		}
		c := call{thread: m[1], name: m[2] + m[3], args: m[4]}
		if before, open := begun[c.thread]; open && m[2] != "" {
			c.args = before.args + c.args
			c.own = before.own
			delete(begun, c.thread)
		} else {
			// main's first call, see run in cmd/pidproof.
			own = own || c.name == "getppid"
			c.own = own && !became && !strings.Contains(c.args, "anon_inode:[event") // of Go's poller
		}
		if args, unfinished := strings.CutSuffix(c.args, "<unfinished ...>"); unfinished {
			c.args = args
			begun[c.thread] = c
			continue
		}
		c.injected = strings.HasSuffix(c.args, "(INJECTED)")
		if at := strings.LastIndex(c.args, ") "); at >= 0 {
			c.args, c.result = c.args[:at], strings.TrimLeft(c.args[at+2:], " =")
		}
		became = became || c.name == "execve" && own && c.result == "0"
		calls = append(calls, c)
	}
	return calls
}

// hit is the call that the fault came to, and which one of its kind that was in the
// whole process, from 1; nil if it came to none.
func (r run) hit(f fault) (which int, hit *call) {
	for i := range r.calls {
		if c := &r.calls[i]; c.name == f.Call {
			if which++; c.injected {
				return which, c
			}
		}
	}
	return 0, nil
}

// hits is how many calls the fault came to.
func (r run) hits() (n int) {
	for _, c := range r.calls {
		if c.injected {
			n++
		}
	}
	return n
}

// most is how often one thread makes each call, and how often all of them do. Calls
// of Go's runtime before main count, as they do for strace.
func (r run) most() (byThread, all map[string]int) {
	byThread, all = map[string]int{}, map[string]int{}
	for at, n := range r.inThreads() {
		all[at.call], byThread[at.call] = max(all[at.call], at.nth), max(byThread[at.call], n)
	}
	return byThread, all
}

// inThreads are the numbers that calls have in their threads.
func (r run) inThreads() map[occurrence]int {
	each, all, numbers := map[[2]string]int{}, map[string]int{}, map[occurrence]int{}
	for _, c := range r.calls {
		each[[2]string{c.thread, c.name}]++
		all[c.name]++
		numbers[occurrence{c.name, all[c.name]}] = each[[2]string{c.thread, c.name}]
	}
	return numbers
}

// before is how often a call is made before main.
func (r run) before(name string) (n int) {
	for _, c := range r.calls {
		if c.name == name && !c.own {
			n++
		}
	}
	return n
}

var signalled = regexp.MustCompile(`^(?:\d+<pid:(\d+)>|(\d+)), (SIG\w+)`)

// signals are whom signals were sent to: "17 SIGTERM".
func (r run) signals() (sent []string) {
	for _, c := range r.calls {
		if c.name != "pidfd_send_signal" && c.name != "kill" || c.injected || !c.own {
			continue
		}
		if m := signalled.FindStringSubmatch(c.args); m != nil {
			sent = append(sent, m[1]+m[2]+" "+m[3])
		}
	}
	return sent
}
