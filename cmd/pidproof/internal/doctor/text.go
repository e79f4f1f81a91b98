package doctor

import (
	"fmt"
	"io"
	"strings"

	"pidproof/cmd/pidproof/internal/say"
)

// Text writes the report for a person: a line or two of each finding, and what helps below it.
func (r Report) Text(w io.Writer) {
	page := say.Page{W: w}
	for _, f := range r.Findings {
		text := string(f.State)
		if f.Text != "" {
			text += ": " + f.Text
		}
		page.Put(f.Topic, text)
		for _, remedy := range f.Remedies {
			page.Wrap(strings.Repeat(" ", say.LabelWidth)+"-> ", remedy)
		}
	}
	fmt.Fprintln(w, r.summary())
}

func (r Report) summary() string {
	n := map[State]int{}
	for _, f := range r.Findings {
		n[f.State]++
	}
	var parts []string
	if n[ToDo] > 0 {
		parts = append(parts, say.Count(n[ToDo], "thing")+" to do")
	}
	if n[CannotTell] > 0 {
		parts = append(parts, fmt.Sprintf("%d cannot be told", n[CannotTell]))
	}
	if len(parts) == 0 {
		return "All is well."
	}
	return strings.Join(parts, ", ") + "."
}
