package audit

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"pidproof/cmd/pidproof/internal/say"
)

// Text writes the report for a person. Each place begins as compilers begin theirs, so that
// editors jump there.
func (r Report) Text(w io.Writer, width int) {
	open := r.Open()
	page := say.Page{W: w}
	for i, f := range open {
		if i == 0 || open[i-1].Kind != f.Kind {
			if i > 0 {
				fmt.Fprintln(w)
			}
			r.heading(page, open[i:])
		}
		fmt.Fprintln(w, f.oneLine(width))
	}
	if len(open) > 0 {
		fmt.Fprintln(w)
	}
	page.Wrap("", r.Summary())
}

func (r Report) heading(page say.Page, from []Finding) {
	about := aboutKind(from[0].Kind)
	n := 0
	hazards := slices.Clone(about.hazards)
	for ; n < len(from) && from[n].Kind == about.kind; n++ {
		for _, h := range from[n].Hazards {
			if !slices.Contains(hazards, h) {
				hazards = append(hazards, h)
			}
		}
	}
	text := fmt.Sprintf("%s (%d): %s", about.kind, n, about.what)
	if len(hazards) > 0 {
		text += " [" + joinHazards(hazards) + "]"
	}
	page.Wrap("", text+". Instead: "+about.instead+".")
}

func joinHazards(hazards []Hazard) string {
	var words []string
	for _, h := range hazards {
		words = append(words, string(h))
	}
	return strings.Join(words, ", ")
}

// oneLine is cut off at the width of the terminal: the place is what counts.
func (f Finding) oneLine(width int) string {
	line := fmt.Sprintf("%s:%d: %s", say.Printable(f.Path), f.Line, say.Printable(f.Words))
	if runes := []rune(line); width > 0 && len(runes) > width {
		if least := len(line) - len(say.Printable(f.Words)); least < width-12 {
			line = string(runes[:width-3]) + "..."
		}
	}
	return line
}

// Summary is the last line.
func (r Report) Summary() string {
	open, patched := r.Open(), 0
	for _, f := range open {
		if f.replaced {
			patched++
		}
	}
	text := say.Count(r.Files, "script") + ": "
	switch covered := len(r.Findings) - len(open); {
	case len(r.Findings) == 0:
		text += "none asks or signals by a bare number or name"
	case len(open) == 0:
		text += fmt.Sprintf("nothing to do; %s covered by hook and wrapper", are(covered))
	default:
		text += fmt.Sprintf("%s to mend, %d of them by audit --patch", say.Count(len(open), "place"), patched)
		if covered > 0 {
			text += fmt.Sprintf("; %s covered by hook and wrapper", are(covered))
		}
	}
	if len(r.Passed) > 0 {
		text += fmt.Sprintf("; %s no shell", are(len(r.Passed)))
	}
	if len(r.Unread) > 0 {
		text += fmt.Sprintf("; %d could not be read", len(r.Unread))
	}
	return text + "."
}

func are(n int) string {
	if n == 1 {
		return "1 is"
	}
	return fmt.Sprintf("%d are", n)
}
