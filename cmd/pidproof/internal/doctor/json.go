package doctor

import (
	"io"

	"pidproof/cmd/pidproof/internal/say"
)

// Schema counts incompatible changes of Object.
const Schema = 1

// Object is what doctor --json prints; docs/doctor-json.md describes it.
type Object struct {
	Schema   int    `json:"schema"`
	State    string `json:"state"`
	Findings []Item `json:"findings"`
}

// Item is one finding.
type Item struct {
	Topic    string   `json:"topic"`
	State    string   `json:"state"`
	Text     string   `json:"text"`
	Remedies []string `json:"remedies"`
}

// JSON writes the report for a program.
func (r Report) JSON(w io.Writer) error {
	o := Object{Schema: Schema, State: string(r.State())}
	for _, f := range r.Findings {
		remedies := []string{}
		for _, remedy := range f.Remedies {
			remedies = append(remedies, say.Unfolded(remedy))
		}
		o.Findings = append(o.Findings, Item{f.Topic, string(f.State), f.Text, remedies})
	}
	return say.JSON(w, o)
}
