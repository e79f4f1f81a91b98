package main

import (
	"time"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/isolate"
	"pidproof/matcher/host"
)

// forever is longer than anybody waits.
const forever = 100 * 365 * 24 * time.Hour

// isolated reports that we are the process that asks in the caller's stead.
func (c *console) isolated() bool {
	caller, isolated := isolate.Caller()
	if isolated {
		c.Caller = caller
	}
	return isolated
}

// asker is a command that says which paths it will touch.
type asker interface{ touches() []string }

func (a instanceArgs) touches() []string { return []string{a.Daemon, a.pidfile()} }
func (cmd adoptCmd) touches() []string   { return []string{cmd.Daemon, cmd.flag().of(cmd.Daemon)} }
func (cmd pidofCmd) touches() []string   { return cmd.Programs }

// isolate runs the command in a second process when one of its paths leads
// through a file system whose server may not answer: a thread that waits for a
// FUSE server cannot be killed, not even by our own exit, and the init script
// would wait for us for ever. It returns true when it did, and c holds the
// answer. When that process did not answer in time it is left behind, and the
// command is to answer without looking.
func (c *console) isolate(cmd any, args []string, timeout time.Duration) bool {
	a, touchesPaths := cmd.(asker)
	if !touchesPaths || c.isolated() {
		return false
	}
	where, may, looked := mayHang(a.touches(), timeout)
	if !looked {
		c.Unanswered = where
		return false
	}
	if !may {
		return false
	}
	if long, isLong := cmd.(interface{ lasts() time.Duration }); isLong {
		// Whether the server answers is seen sooner than whether a process ends.
		if !c.second(append([]string{"pidof", "-q"}, a.touches()...), where, timeout) {
			return false
		}
		if !c.second(args, where, min(timeout+long.lasts(), forever)) {
			c.Warn("no answer in time while %s; what was done by then is not known", c.Unanswered)
			c.exit = exitcode.Unknown
		}
		return true
	}
	return c.second(args, where, timeout)
}

// mayHang is host.MayHang within the deadline: whoever makes mount trees all the time keeps who reads
// ours waiting (namespace_sem in fs/namespace.c).
func mayHang(paths []string, timeout time.Duration) (where string, may, looked bool) {
	type answer struct {
		where string
		may   bool
	}
	asked := make(chan answer, 1)
	go func() {
		var a answer
		a.where, a.may = host.MayHang(paths...)
		asked <- a
	}()
	select {
	case a := <-asked:
		return a.where, a.may, true
	case <-time.After(timeout):
		return "reading /proc/self/mountinfo", false, false
	}
}

// second has a second process answer.
func (c *console) second(args []string, where string, timeout time.Duration) (answered bool) {
	exit, unanswered := isolate.Run(c.Console, args, where, timeout)
	if unanswered != "" {
		c.Unanswered = unanswered
		return false
	}
	c.exit = exit
	c.handOver = exit == isolate.HandOver
	return true
}
