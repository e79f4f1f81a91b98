package main

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// lendTerminal lets a command ask on the terminal that we were called from, as init
// scripts with "X-Interactive: true" do: apache2's, for the passphrase of a TLS key.
// In the background it would be stopped where it reads (SIGTTIN, termios(3)), its
// instance down. Ctrl-C is the command's meanwhile. takeBack must be called once it
// has started and ended.
func lendTerminal(cmd *exec.Cmd) (lent bool, takeBack func()) {
	const terminal = 0 // standard input
	foreground, err := unix.IoctlGetInt(terminal, unix.TIOCGPGRP)
	if err != nil || foreground != unix.Getpgrp() {
		return false, func() {}
	}
	cmd.Stdin = os.Stdin
	cmd.SysProcAttr.Foreground, cmd.SysProcAttr.Ctty = true, terminal
	return true, func() {
		// We are in the background ourselves now, and would be stopped, tcsetpgrp(3).
		signal.Ignore(syscall.SIGTTOU)
		defer signal.Reset(syscall.SIGTTOU)
		_ = unix.IoctlSetPointerInt(terminal, unix.TIOCSPGRP, foreground) // fails where the terminal has gone
	}
}
