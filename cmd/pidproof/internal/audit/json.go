package audit

import (
	"io"

	"pidproof/cmd/pidproof/internal/say"
)

// Schema counts incompatible changes of the object below. docs/audit-json.md describes every
// field; a test holds the two together.
const Schema = 1

// Object is the object that audit --json prints.
type Object struct {
	Schema   int      `json:"schema"`
	Scripts  int      `json:"scripts"`
	Findings []object `json:"findings"`
	Passed   []string `json:"passed_over"`
	Unread   []string `json:"unread"`
}

type object struct {
	File      string   `json:"file"`
	Line      int      `json:"line"`
	Kind      Kind     `json:"kind"`
	Words     string   `json:"words"`
	What      string   `json:"what"`
	Hazards   []Hazard `json:"hazards"`
	CoveredBy string   `json:"covered_by,omitempty"`
	Instead   string   `json:"instead"`
	Patchable bool     `json:"patchable"`
}

// JSON writes the object for a program: also what is covered, in the order of the files.
func (r Report) JSON(w io.Writer) error {
	out := Object{Schema: Schema, Scripts: r.Files, Findings: []object{}, Passed: texts(r.Passed), Unread: texts(r.Unread)}
	for _, f := range r.Findings {
		hazards := f.Hazards
		if hazards == nil {
			hazards = []Hazard{}
		}
		out.Findings = append(out.Findings, object{f.Path, f.Line, f.Kind, f.Words, aboutKind(f.Kind).what, hazards,
			f.Covered, f.Instead, f.replaced})
	}
	return say.JSON(w, out)
}

func texts(errs []error) []string {
	out := []string{}
	for _, err := range errs {
		out = append(out, err.Error())
	}
	return out
}
