package main

import (
	"regexp"
	"strconv"
	"strings"

	"pidproof/testdata/healing"
)

// part is what the page has of a service. It is kept where the service is not tried again: all of them take an hour, and
// a patch that changes is one.
type part struct {
	row  string // of the table
	seen string // its section, from the empty line before it
}

// kept are the parts of a page, by the service; those of services that are no longer tried are gone.
func kept(page string) map[string]part {
	parts := map[string]part{}
	table, sections, _ := strings.Cut(page, "\n## What was seen\n")
	for line := range strings.Lines(table) {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		if strings.Count(line, "|") == 13 && service(name).Name != "" {
			parts[name] = part{row: strings.TrimSuffix(line, "\n")}
		}
	}
	for section := range strings.SplitSeq(strings.TrimPrefix(sections, "\n### "), "\n### ") {
		name, _, _ := strings.Cut(section, "\n")
		if p, is := parts[name]; is {
			p.seen = "\n### " + section
			parts[name] = p
		}
	}
	return parts
}

// numbers are what its row and its section count.
func (p part) numbers() map[string]int {
	n := map[string]int{"scripts": 1}
	cells := strings.Split(p.row, "|")
	for i, name := range []string{"steps", "stock right", "patched right", "healed", "stock hits", "patched hits"} {
		n[name], _ = strconv.Atoi(strings.TrimSpace(cells[7+i])) // it is ours
	}
	title := ""
	for line := range strings.Lines(p.seen) {
		switch {
		case strings.HasSuffix(line, ":\n") && !strings.HasPrefix(line, "- "):
			title = strings.TrimSuffix(line, ":\n")
		case strings.HasPrefix(line, "- "):
			n[title] += len(action.FindAllString(actionsOf.FindString(line), -1))
		}
	}
	return n
}

// A line of a section: the actions of which something is to be said.
var (
	actionsOf = regexp.MustCompile("^- (`[^`]+`, )*`[^`]+`, ")
	action    = regexp.MustCompile("`[^`]+`")
)

// tried are the digests of the patches that the page's rows are of.
func (p part) tried(name string) healing.Outcome {
	return healing.Outcome{Name: name, Patch: strings.TrimSpace(strings.Split(p.row, "|")[6])}
}
