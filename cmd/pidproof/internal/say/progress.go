package say

import (
	"fmt"
	"io"
	"os"
	"time"

	"pidproof/matcher"
)

// Progress is one line on a terminal, from the first second on. It is drawn where it has
// changed, and not more often than an eye follows.
type Progress struct {
	To    io.Writer
	Begun time.Time
	Limit time.Duration
	shown string
	drawn time.Time
}

// redrawTick is how long a line stays at least.
const redrawTick = time.Second / 2

// Visible reports that there is a terminal to show it on.
func (p *Progress) Visible() bool {
	f, isFile := p.To.(*os.File)
	return isFile && isTerminal(f)
}

// Show says what is awaited, and gives the time to come again.
func (p *Progress) Show(doing string) time.Time {
	past := time.Since(p.Begun).Truncate(time.Second)
	if !p.Visible() {
		return p.Begun.Add(p.Limit + time.Hour)
	}
	line := Printable(fmt.Sprintf("%s: %.0f s of at most %s", doing, past.Seconds(), matcher.Span(p.Limit)))
	if past >= time.Second && line != p.shown && time.Since(p.drawn) >= redrawTick {
		f := p.To.(*os.File)
		fmt.Fprintf(f, "\r\x1b[K%.*s", columns(f)-1, line)
		p.shown, p.drawn = line, time.Now()
	}
	return p.Begun.Add(past + time.Second)
}

// Clear takes the line away.
func (p *Progress) Clear() {
	if f, isFile := p.To.(*os.File); isFile && p.shown != "" {
		fmt.Fprint(f, "\r\x1b[K")
		p.shown = ""
	}
}
