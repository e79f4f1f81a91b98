package main

import (
	"fmt"
	"os/signal"
	"syscall"
)

// becomer is a command that may end as another program.
type becomer interface {
	become() error
	// exitFailed is the exit code when become failed.
	exitFailed() int
}

// execve replaces us by a program, as nearly as if we had never been there: Go
// gives back the signals it handles and the limit of open files, main gave away
// SIGPIPE.
func execve(path string, argv []string, env []string) error {
	signal.Reset(syscall.SIGPIPE)
	return fmt.Errorf("%s could not be executed: %w", path, syscall.Exec(path, argv, env))
}
