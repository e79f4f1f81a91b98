package say

import (
	"cmp"
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

// Wrap breaks text between words, below the label's end, but no Command. One that does not fit
// behind what is before it has a line of its own, without the brackets and the stop around it:
// whoever copies the line would copy them, too.
func (p Page) Wrap(label, text string) {
	line, alone := label, false
	for i, word := range strings.Split(text, " ") {
		printed, command := cutCommand(word)
		switch {
		case i == 0:
			line += printed
		case alone || len([]rune(line))+1+len([]rune(printed)) > textWidth:
			fmt.Fprintln(p.W, strings.TrimRight(line, " "))
			alone = command != ""
			line = strings.Repeat(" ", len(label)) + cmp.Or(command, printed)
		default:
			line += " " + printed
		}
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
