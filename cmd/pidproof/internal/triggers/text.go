// Package triggers shows what ondemand has found that could start a service: as a table
// for a person, or as an object for a program.
package triggers

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/say"
)

// Text writes the table for a person.
func Text(w io.Writer, service ondemand.Service, width int) {
	if len(service.Triggers) == 0 {
		fmt.Fprintf(w, "%s: nothing can start it on demand\n", say.Printable(service.Name))
		return
	}
	t := say.Table{Folded: 1}
	t.Add("KIND", "TRIGGER", "STATE", "HOLDABLE", "VIA", "LISTENS ON")
	listens, via := false, false
	for _, trigger := range service.Triggers {
		listens = listens || len(trigger.Listens) > 0
		via = via || len(trigger.Via) > 0
	}
	for _, trigger := range service.Triggers {
		row := []string{string(trigger.Kind), trigger.Name, trigger.State, yesNo(trigger.Holdable), strings.Join(trigger.Via, " "), strings.Join(addresses(trigger), ", ")}
		t.Add(row...)
	}
	for i, row := range t.Rows {
		if !listens {
			row = row[:5]
		}
		if !via {
			row = slices.Delete(row, 4, 5)
		}
		t.Rows[i] = row
	}
	if !listens && !via {
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
