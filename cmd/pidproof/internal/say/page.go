package say

import (
	"fmt"
	"io"
	"strings"
)

const (
	textWidth = 80
	// LabelWidth is what a label takes before its text.
	LabelWidth = 10
)

// TimeLayout is how a person reads a point in time.
const TimeLayout = "2006-01-02 15:04:05"

// Page writes labelled paragraphs, wrapped to 80 columns.
type Page struct {
	W      io.Writer
	Colour bool
}

// Put writes one paragraph.
func (p Page) Put(label, text string) {
	p.Wrap(fmt.Sprintf("%-*s", LabelWidth, label), text)
}

// Wrap breaks text between words, below the label's end, but no Command.
func (p Page) Wrap(label, text string) {
	line := label
	for i, w := range strings.Split(text, " ") {
		parts := strings.Split(w, glue)
		for j := range parts {
			parts[j] = Printable(parts[j])
		}
		w = strings.Join(parts, " ")
		if i > 0 && len([]rune(line))+1+len([]rune(w)) > textWidth {
			fmt.Fprintln(p.W, strings.TrimRight(line, " "))
			line = strings.Repeat(" ", len(label)) + w
			continue
		}
		if i > 0 {
			line += " "
		}
		line += w
	}
	fmt.Fprintln(p.W, strings.TrimRight(line, " "))
}

// Count is a number of things.
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
