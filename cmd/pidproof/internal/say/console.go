package say

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Console is where answers and warnings go.
type Console struct {
	Stdout, Stderr io.Writer
	// Patience is how long a reader may take; 0: any time.
	Patience time.Duration
	// Lost is the first error of writing an answer: one that was lost is no answer.
	Lost error
	// deaf is who did not read in time.
	deaf map[io.Writer]bool
	// writing keeps apart what we say and what a command says that we pass on.
	writing sync.Mutex
}

// NewConsole gives one whose readers may take that long.
func NewConsole(stdout, stderr io.Writer, patience time.Duration) *Console {
	return &Console{Stdout: stdout, Stderr: stderr, Patience: patience, deaf: map[io.Writer]bool{}}
}

// Say writes one line for a script or a log; whatever a process or a file name
// smuggled in is escaped.
func (c *Console) Say(format string, args ...any) {
	c.Print(Printable(fmt.Sprintf(format, args...)) + "\n")
}

// Print writes text as it is, and keeps the error of a full disk or a closed pipe.
func (c *Console) Print(text string) {
	if err := c.write(c.Stdout, text); err != nil && c.Lost == nil {
		c.Lost = err
	}
}

// Inform says what no script waits for: that it was lost, as on a full disk, changes
// no exit code.
func (c *Console) Inform(format string, args ...any) {
	_ = c.write(c.Stdout, Printable(fmt.Sprintf(format, args...))+"\n")
}

// Warn writes one line on standard error.
func (c *Console) Warn(format string, args ...any) {
	args = slices.Clone(args)
	for i, arg := range args {
		if err, is := arg.(error); is {
			args[i] = inOne(err)
		}
	}
	c.Complain("pidproof: " + Printable(fmt.Sprintf(format, args...)) + "\n")
}

// inOne is an error in a line: errors.Join has one for each.
func inOne(err error) string {
	joined, is := err.(interface{ Unwrap() []error })
	if !is {
		return err.Error()
	}
	var parts []string
	for _, part := range joined.Unwrap() {
		parts = append(parts, part.Error())
	}
	if strings.Join(parts, "\n") != err.Error() { // fmt.Errorf's
		return err.Error()
	}
	for i, part := range joined.Unwrap() {
		parts[i] = inOne(part)
	}
	return strings.Join(parts, "; ")
}

// Complain writes text on standard error as it is.
func (c *Console) Complain(text string) {
	_ = c.write(c.Stderr, text) // there is nobody else to tell
}
