package main

import (
	"fmt"
	"slices"
	"strings"

	"pidproof/testdata/census"
)

// tables are a summary, and a table for each: what the scripts call, upgrades, removals.
func tables(rows []row) string {
	rows = slices.SortedFunc(slices.Values(rows), func(a, b row) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	b.WriteString(summary(rows))
	b.WriteString("\n### Upgrade\n\n| Package | Knocked at | Stopped by its scripts | Started in between | Half of the files new | Afterwards | Others stopped |\n|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(outcome(r, census.Upgrade), " | "))
	}
	b.WriteString("\n### Removal\n\n| Package | Knocked at | Stopped by its scripts | Started in between | Half of the files gone | Left afterwards | Others stopped |\n|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(outcome(r, census.Remove), " | "))
	}
	b.WriteString("\n### What the scripts call\n\n`daemon-reload` and `preset` are left out.\n\n| Package | Version | Installed | Upgraded | Removed |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		cells := []string{r.name, r.seen[census.Upgrade][census.Plain].Version}
		for _, operation := range []census.Operation{census.Install, census.Upgrade, census.Remove} {
			cells = append(cells, calls(r.seen[operation][census.Plain].Calls))
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.String()
}

func summary(rows []row) string {
	count := func(operation census.Operation, mode census.Mode, is func(census.Seen) bool) (n int) {
		for _, r := range rows {
			if is(r.seen[operation][mode]) {
				n++
			}
		}
		return n
	}
	started := func(s census.Seen) bool { return s.Stops() && (len(s.InSpite()) > 0 || s.Mixed() == census.Started) }
	differs := func(s census.Seen) bool { return len(s.Changed)+len(s.Others) > 0 || s.Exit != 0 }
	var b strings.Builder
	fmt.Fprintf(&b, "%d packages.\n\n| | Debian's programs alone | with the wrappers |\n|---|--:|--:|\n", len(rows))
	for _, line := range []struct {
		what      string
		operation census.Operation
		is        func(census.Seen) bool
	}{
		{"stop a service at upgrade, before their files are replaced", census.Upgrade, census.Seen.Stops},
		{"– and it was started in spite of that", census.Upgrade, started},
		{"upgraded: something differs afterwards, or another service was stopped", census.Upgrade, differs},
		{"stop a service when they are removed", census.Remove, census.Seen.Stops},
		{"– and it was started in spite of that", census.Remove, started},
		{"removed: something is left, or another service was stopped", census.Remove, differs},
	} {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", line.what, count(line.operation, census.Plain, line.is), count(line.operation, census.Wrapped, line.is))
	}
	return b.String()
}

// outcome are the cells of one package in one operation. Before an arrow stands what Debian's programs did.
func outcome(r row, operation census.Operation) []string {
	plain, wrapped := r.seen[operation][census.Plain], r.seen[operation][census.Wrapped]
	cells := []string{r.name, triggers(plain.Triggers)}
	for _, cell := range []func(census.Seen) string{
		func(s census.Seen) string { return yes(s.Stops()) },
		func(s census.Seen) string { return starts(s.Between()) },
		mixed,
		changed,
		func(s census.Seen) string { return list(s.Others) },
	} {
		before, after := cell(plain), cell(wrapped)
		if before != after {
			before += " → " + after
		}
		cells = append(cells, before)
	}
	return cells
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// triggers names units and names on the bus, each once.
func triggers(all []string) string {
	var names []string
	for _, trigger := range all {
		name, _, _ := strings.Cut(trigger, " ")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return list(names)
}

func starts(all []census.Start) string {
	var said []string
	for _, start := range all {
		if one := fmt.Sprintf("%s (%s)", start.Unit, start.During); !slices.Contains(said, one) {
			said = append(said, one)
		}
	}
	return list(said)
}

func mixed(s census.Seen) string {
	return map[string]string{census.Started: "**a new process**", census.Old: "the old process", census.Stopped: "nothing", "": "–"}[s.Mixed()]
}

func changed(s census.Seen) string {
	said := slices.Clone(s.Changed)
	if s.Exit != 0 {
		said = append(said, fmt.Sprintf("dpkg: exit %d", s.Exit))
	}
	if len(said) == 0 {
		return "as before"
	}
	return list(said)
}

func calls(all []census.Call) string {
	var said []string
	for _, call := range all {
		words := strings.Fields(call.Command)
		if words[0] == "systemctl" && (slices.Contains(words, "daemon-reload") || slices.Contains(words, "preset")) {
			continue
		}
		if line := fmt.Sprintf("%s: `%s`", call.Script, call.Command); !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	return list(said)
}

func list(all []string) string {
	if len(all) == 0 {
		return "–"
	}
	var cells []string
	for _, one := range all {
		cells = append(cells, cell(one))
	}
	return strings.Join(cells, "<br>")
}

// cell is text that does not end a cell of the table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "*", `\*`).Replace(text)
}
