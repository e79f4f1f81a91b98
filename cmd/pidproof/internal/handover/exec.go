package handover

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// To replaces us by a program, as nearly as if we had never been there:
// handled signals get their default action, and Go gives back the limit of open
// files that it raised.
func To(path string, argv []string) error {
	return NotExecuted(path, syscall.Exec(path, argv, os.Environ()))
}

// NotExecuted says so of a program, less the words that Go puts around an errno.
func NotExecuted(path string, err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		err = errno
	}
	return fmt.Errorf("%s could not be executed: %w", path, err)
}
