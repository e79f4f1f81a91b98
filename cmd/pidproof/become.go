package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/alecthomas/kong"
)

// becomer is a command that may end as another program.
type becomer interface {
	become() error
	// exitFailed is the exit code when become failed.
	exitFailed() int
}

// execve replaces us by a program, as nearly as if we had never been there:
// handled signals get their default action, and Go gives back the limit of open
// files that it raised.
func execve(path string, argv []string) error {
	return notExecuted(path, syscall.Exec(path, argv, os.Environ()))
}

func notExecuted(path string, err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		err = errno
	}
	return fmt.Errorf("%s could not be executed: %w", path, err)
}

// niceLevel is a number that may be negative: kong would take -5 for an option.
type niceLevel int

func (n *niceLevel) Decode(ctx *kong.DecodeContext) error {
	word := ctx.Scan.Pop().String()
	level, err := strconv.Atoi(word)
	if err != nil || level < -40 || level > 40 {
		return fmt.Errorf("%q is no nice level from -40 to 40", word)
	}
	*n = niceLevel(level)
	return nil
}

// afterDashes are the words without a first "--", which getopts(1p) of Debian's
// functions allows and kong leaves to whoever passes words through.
func afterDashes(words []string) []string {
	if len(words) > 0 && words[0] == "--" {
		return words[1:]
	}
	return words
}
