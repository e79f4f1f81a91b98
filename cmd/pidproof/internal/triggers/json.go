package triggers

import (
	"io"

	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/say"
)

// Schema counts incompatible changes of the object below, as explain.Schema does.
// docs/triggers-json.md describes every field; a test holds the two together.
const Schema = 1

// Object is the object that triggers --json prints.
type Object struct {
	Schema   int       `json:"schema"`
	Service  string    `json:"service"`
	Init     string    `json:"init"`
	Unit     string    `json:"unit,omitempty"`
	Triggers []trigger `json:"triggers"`
}

type trigger struct {
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`
	State    string   `json:"state"`
	Active   bool     `json:"active"`
	Holdable bool     `json:"holdable"`
	Listens  []string `json:"listens"`
	Via      []string `json:"via,omitempty"`
}

// JSON writes the object for a program.
func JSON(w io.Writer, service ondemand.Service) error {
	out := Object{
		Schema: Schema, Service: service.Name, Init: service.Manager, Triggers: []trigger{},
	}
	if service.Unit != nil {
		out.Unit = service.Unit.ID
	}
	for _, t := range service.Triggers {
		out.Triggers = append(out.Triggers, trigger{
			string(t.Kind), t.Name, t.State, t.Active, t.Holdable, say.OrEmpty(addresses(t)), t.Via,
		})
	}
	return say.JSON(w, out)
}
