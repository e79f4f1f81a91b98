package main

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// page is what the tests read of a written table.
type page struct {
	head     []string
	rows     []pageRow
	scores   []string // what its last line says
	versions []string // without pidproof's, which changes with every commit
}

type pageRow struct {
	title string
	file  string // the scenario's
	cells []string
}

func readPage(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return parsePage(string(text))
}

func parsePage(text string) (p page) {
	_, versions, _ := strings.Cut(text, "\nVersions:\n\n")
	for line := range strings.Lines(versions) {
		if !strings.HasPrefix(line, "- pidproof ") {
			p.versions = append(p.versions, strings.TrimSpace(line))
		}
	}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		link, isRow := strings.CutPrefix(cells[0], "[")
		switch {
		case cells[0] == "Situation":
			p.head = cells
		case cells[0] == "right in":
			p.scores = cells[1:]
		case isRow && len(cells) == len(p.head):
			title, file, _ := strings.Cut(strings.TrimSuffix(link, ")"), "](")
			p.rows = append(p.rows, pageRow{title, path.Base(file), cells[1:]})
		}
	}
	return p
}

// staleAgainst tells what makes a published page stale. Other versions of the tools may have other answers.
func (p page) staleAgainst(fresh page) (differences []string) {
	published := map[string][]string{}
	for _, row := range p.rows {
		published[row.file] = row.cells
	}
	for _, row := range fresh.rows {
		cells, found := published[row.file]
		switch {
		case !found:
			differences = append(differences, "no row for "+row.file)
		case !slices.Equal(p.head, fresh.head):
			differences = append(differences, fmt.Sprintf("its columns are %q, not %q", p.head, fresh.head))
			return differences
		case slices.Equal(p.versions, fresh.versions) && !slices.Equal(cells, row.cells):
			differences = append(differences, fmt.Sprintf("%s: says %q, came out as %q", row.file, cells, row.cells))
		}
	}
	return differences
}

func TestStalePageIsFound(t *testing.T) {
	c := comparison{peers{busybox: found{"/b", "BusyBox 1"}, self: found{"/p", "pidproof 1"}}, []*played{
		{scenario: scenario{name: "one", header: header{Title: "first"}}},
		{scenario: scenario{name: "two", header: header{Title: "second"}}},
	}}
	text := c.markdown("5s", "scenarios")
	fresh := parsePage(text)
	if len(fresh.rows) != 2 || len(fresh.head) != len(tools)+1 || len(fresh.versions) != 2 {
		t.Fatalf("read back as %+v from\n%s", fresh, text)
	}
	without := func(s string) string {
		lines := strings.SplitAfter(text, "\n")
		return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, s) }), "")
	}
	for _, c := range []struct {
		name, text string
		stale      bool
	}{
		{"the same", text, false},
		{"another version of pidproof", strings.Replace(text, "- pidproof 1", "- pidproof 2", 1), false},
		{"a row is missing", without("(scenarios/two.sh)"), true},
		{"another cell", strings.Replace(text, "| n/a |", "| right |", 1), true},
		{"another cell of another version",
			strings.Replace(strings.Replace(text, "| n/a |", "| right |", 1), "- BusyBox 1", "- BusyBox 2", 1), false},
		{"another column", strings.Replace(text, "| busybox pidof |", "| toybox pidof |", 1), true},
	} {
		if got := parsePage(c.text).staleAgainst(fresh); (got != nil) != c.stale {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// The summary on the terminal is a column of names, and one of scores.
func TestTextIsAligned(t *testing.T) {
	at := -1
	for line := range strings.Lines(comparison{}.text()) {
		column := strings.Index(line, " right in ")
		if column < 0 {
			continue
		}
		if at < 0 {
			at = column
		}
		if column != at {
			t.Errorf("column %d, not %d: %s", column, at, line)
		}
	}
	if at < 0 {
		t.Error("no score is shown")
	}
}
