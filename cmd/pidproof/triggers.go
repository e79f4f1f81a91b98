package main

import (
	"fmt"
	"io"
	"strings"

	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/say"
)

type triggersCmd struct {
	JSON    bool   `name:"json" help:"Print one JSON object; triggers-json.md in the documentation describes it."`
	Service string `arg:"" name:"name" help:"The service: its name as invoke-rc.d takes it, or its unit."`
}

func (triggersCmd) Help() string {
	return `Shows what could start a service that is stopped: systemd's sockets, paths and timers, D-Bus, Upholds=, and lines of inetd.conf. Exit status: 0 shown, also where there is nothing, 4 it cannot be told, or the service is unknown.`
}

func (cmd triggersCmd) Run(c *console) error {
	name, err := ondemand.ParseName(cmd.Service)
	if err != nil {
		return err
	}
	ctx, cancel := c.Deadline()
	defer cancel()
	service, err := ondemand.Look(ctx, name)
	if err != nil {
		return err
	}
	var out strings.Builder
	if cmd.JSON {
		err = writeTriggersJSON(&out, service)
	} else {
		writeTriggers(&out, service, c.LineWidth())
	}
	c.Print(out.String())
	return err
}

// writeTriggers is the table for a person.
func writeTriggers(w io.Writer, service ondemand.Service, width int) {
	if len(service.Triggers) == 0 {
		fmt.Fprintf(w, "%s: nothing can start it on demand\n", say.Printable(service.Name))
		return
	}
	t := say.Table{Folded: 1}
	t.Add("KIND", "TRIGGER", "STATE", "HOLDABLE", "LISTENS ON")
	listens := false
	for _, trigger := range service.Triggers {
		listens = listens || len(trigger.Listens) > 0
	}
	for _, trigger := range service.Triggers {
		row := []string{string(trigger.Kind), trigger.Name, trigger.State, yesNo(trigger.Holdable), strings.Join(addresses(trigger), ", ")}
		t.Add(row...)
	}
	if !listens {
		for i := range t.Rows {
			t.Rows[i] = t.Rows[i][:4]
		}
		t.Folded = 0
	}
	t.Write(w, width)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func addresses(t ondemand.Trigger) (out []string) {
	for _, a := range t.Listens {
		out = append(out, a.String())
	}
	return out
}

// triggersSchemaVersion counts incompatible changes, as schemaVersion does for
// explain's. docs/triggers-json.md describes every field; a test holds the two together.
const triggersSchemaVersion = 1

type jsonTriggers struct {
	Schema   int           `json:"schema"`
	Service  string        `json:"service"`
	Init     string        `json:"init"`
	Unit     string        `json:"unit,omitempty"`
	Triggers []jsonTrigger `json:"triggers"`
}

type jsonTrigger struct {
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`
	State    string   `json:"state"`
	Active   bool     `json:"active"`
	Holdable bool     `json:"holdable"`
	Listens  []string `json:"listens"`
}

func writeTriggersJSON(w io.Writer, service ondemand.Service) error {
	out := jsonTriggers{
		Schema: triggersSchemaVersion, Service: service.Name, Init: service.Manager, Triggers: []jsonTrigger{},
	}
	if service.Unit != nil {
		out.Unit = service.Unit.ID
	}
	for _, t := range service.Triggers {
		out.Triggers = append(out.Triggers, jsonTrigger{
			string(t.Kind), t.Name, t.State, t.Active, t.Holdable, say.OrEmpty(addresses(t)),
		})
	}
	return say.JSON(w, out)
}
