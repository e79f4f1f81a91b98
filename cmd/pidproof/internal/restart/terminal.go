package restart

import (
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// terminal is the one that we were called from, on standard input. A command that
// asks on it, as init scripts with "X-Interactive: true" do (apache2's, for the
// passphrase of a TLS key), is stopped where it reads in the background (SIGTTIN,
// termios(3)), its instance down. It is lent the terminal then, and not before:
// whoever has it also gets its Ctrl-C and its hangup.
type terminal struct {
	ours int // our process group; 0: there is no terminal, or we are in its background
	lent bool
}

const terminalFD = 0

func ourTerminal() *terminal {
	if group := unix.Getpgrp(); foreground() == group {
		return &terminal{ours: group}
	}
	return &terminal{}
}

// foreground is the process group that the terminal belongs to, -1 without one.
func foreground() int {
	group, err := unix.IoctlGetInt(terminalFD, unix.TIOCGPGRP)
	if err != nil {
		return -1
	}
	return group
}

// lend gives it to a stopped child's process group, which goes on then; so it also
// does after a Ctrl-Z. It reports whether it was ours to lend.
func (t *terminal) lend(child int) bool {
	switch now := foreground(); {
	case t.ours != 0 && now == t.ours:
		if err := unix.IoctlSetPointerInt(terminalFD, unix.TIOCSPGRP, child); err != nil {
			return false
		}
		t.lent = true
	case now != child:
		return false
	}
	// The number is the child's until it is waited for, and who is stopped has not ended.
	return syscall.Kill(-child, syscall.SIGCONT) == nil
}

// takeBack is for after the command.
func (t *terminal) takeBack() {
	if !t.lent {
		return
	}
	// We are in the background ourselves now, and would be stopped, tcsetpgrp(3).
	signal.Ignore(syscall.SIGTTOU)
	defer signal.Reset(syscall.SIGTTOU)
	_ = unix.IoctlSetPointerInt(terminalFD, unix.TIOCSPGRP, t.ours) // fails where the terminal has gone
}
