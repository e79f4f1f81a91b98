package say

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

var errNoReader = errors.New("nobody reads it")

// pipeRoom is what a pipe has room for where poll(2) says so (PIPE_BUF, pipe(7)).
const pipeRoom = 4096

// write writes all of text, and waits for a reader as long as for an answer: a full pipe
// must not keep an init script. Where a person looks on, in a pager, he may take his time.
func (c *Console) write(to io.Writer, text string) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	f, isFile := to.(*os.File)
	if !isFile || c.Patience == 0 || c.watched() {
		_, err := io.WriteString(to, text)
		return err
	}
	patience := c.Patience
	if len(c.deaf) > 0 { // the time is over
		patience = 0
	}
	until := time.Now().Add(patience)
	for len(text) > 0 {
		if c.deaf[to] {
			return errNoReader
		}
		if err := awaitRoom(f, until); err != nil {
			c.deaf[to] = errors.Is(err, errNoReader)
			return err
		}
		n, err := f.WriteString(text[:min(len(text), pipeRoom)])
		if err != nil {
			return err
		}
		if text = text[n:]; n > 0 {
			until = time.Now().Add(patience)
		}
	}
	return nil
}

// watched reports that a person sees what we write, or how it goes on.
func (c *Console) watched() bool {
	for _, w := range []io.Writer{c.Stdout, c.Stderr} {
		if f, isFile := w.(*os.File); isFile && isTerminal(f) {
			return true
		}
	}
	return false
}

// awaitRoom waits until a write(2) does not block; errNoReader if that takes too long.
func awaitRoom(f *os.File, until time.Time) error {
	fds := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLOUT}}
	for {
		left := max(0, min(time.Until(until), time.Hour)+time.Millisecond-1)
		switch n, err := unix.Poll(fds, int(left/time.Millisecond)); {
		case err == unix.EINTR:
		case err != nil, n > 0: // write(2) is to tell what is wrong
			return nil
		case !time.Now().Before(until):
			return errNoReader
		}
	}
}
