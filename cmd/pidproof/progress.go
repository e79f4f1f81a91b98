package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher"
)

// progress is one line on a terminal, from the first second on.
type progress struct {
	to    any
	begun time.Time
	limit time.Duration
	shown bool
}

// show says what is awaited, and gives the time to come again.
func (p *progress) show(doing string) time.Time {
	past := time.Since(p.begun).Truncate(time.Second)
	f, isFile := p.to.(*os.File)
	if !isFile || !isTerminal(f) {
		return p.begun.Add(p.limit + time.Hour)
	}
	if past >= time.Second {
		line := printable(fmt.Sprintf("%s: %.0f s of at most %s", doing, past.Seconds(), matcher.Span(p.limit)))
		fmt.Fprintf(f, "\r\x1b[K%.*s", columns(f)-1, line)
		p.shown = true
	}
	return p.begun.Add(past + time.Second)
}

// clear takes the line away.
func (p *progress) clear() {
	if f, isFile := p.to.(*os.File); isFile && p.shown {
		fmt.Fprint(f, "\r\x1b[K")
		p.shown = false
	}
}

// columns is the width of a terminal; a line that is wider could not be taken away.
func columns(f *os.File) int {
	if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
		return int(size.Col)
	}
	return textWidth
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
