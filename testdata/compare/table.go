package main

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// comparison is all that is published.
type comparison struct {
	peers peers
	plays []*played
}

func (c comparison) cell(p *played, t tool) cell {
	if !c.peers.has(t) {
		return absent
	}
	return p.cell(t)
}

// score is in how many scenarios a tool was right, of those that it was asked about.
type score struct{ right, hang, of int }

func (c comparison) score(t tool) (s score) {
	for _, p := range c.plays {
		switch c.cell(p, t) {
		case noQuestion, absent:
			continue
		case right:
			s.right++
		case hang:
			s.hang++
		}
		s.of++
	}
	return s
}

func (s score) String() string { return fmt.Sprintf("%d of %d", s.right, s.of) }

// head is the table's first line, rows the others.
func head() []string {
	cells := []string{"Situation"}
	for _, t := range tools {
		cells = append(cells, t.name)
	}
	return cells
}

func (c comparison) row(p *played, first string) []string {
	cells := []string{first}
	for _, t := range tools {
		cells = append(cells, string(c.cell(p, t)))
	}
	return cells
}

func line(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// summary is what the README quotes.
func (c comparison) summary() string {
	var text strings.Builder
	text.WriteString(line([]string{"Tool", "right", "wrong", "hangs"}) + "|---|--:|--:|--:|\n")
	for _, t := range tools {
		s := c.score(t)
		text.WriteString(line([]string{t.name, s.String(), fmt.Sprint(s.of - s.right - s.hang), fmt.Sprint(s.hang)}))
	}
	return text.String()
}

// text is for the terminal: what is not right, and the summary.
func (c comparison) text() string {
	var text strings.Builder
	for _, p := range c.plays {
		fmt.Fprintf(&text, "%s\n", p.scenario.header.Title)
		for _, t := range tools {
			for _, note := range p.notes(t) {
				fmt.Fprintf(&text, "  %s: %s\n", t.name, note)
			}
		}
	}
	text.WriteString("\n")
	for _, t := range tools {
		fmt.Fprintf(&text, "%-26s right in %s\n", t.name, c.score(t))
	}
	return text.String()
}

const legend = `Each row is a situation that is arranged from real processes, in namespaces of its own, and each tool is asked about it.
The right answer is known from what was started; no tool is asked for it. The questions are:

- Is the process that the pidfile F names the daemon D, and may it be acted on?
- Which processes run D?

A tool that can be asked both has to be right in both. A definite answer that is not the truth is wrong; an error or a
refusal is right only where nothing can be told, or must not be. A tool that takes longer than %s hangs, and is killed.
A dash: it has no such question.

`

// markdown is docs/comparison.md.
func (c comparison) markdown(deadline, folder string) string {
	var text strings.Builder
	text.WriteString("<!-- written by `make compare` -->\n\n# The same questions to every tool\n\n")
	fmt.Fprintf(&text, legend, deadline)
	text.WriteString(line(head()) + "|---" + strings.Repeat("|:-:", len(tools)) + "|\n")
	for _, p := range c.plays {
		link := fmt.Sprintf("[%s](%s/%s.sh)", p.scenario.header.Title, folder, p.scenario.name)
		text.WriteString(line(c.row(p, link)))
	}
	scores := []string{"right in"}
	for _, t := range tools {
		scores = append(scores, c.score(t).String())
	}
	text.WriteString(line(scores) + "\n## What was right, and who said something else\n")
	for _, p := range c.plays {
		text.WriteString(p.markdown())
	}
	text.WriteString("\n## The tools\n\n")
	for _, t := range tools {
		for _, a := range t.asks {
			fmt.Fprintf(&text, "- %s: `%s`\n", t.name, a.shown)
		}
	}
	text.WriteString(openrc + "\nVersions:\n\n")
	for _, version := range c.versions() {
		text.WriteString("- " + version + "\n")
	}
	return text.String()
}

// openrc is checked by a test.
const openrc = "- OpenRC's start-stop-daemon: not applicable, Debian's package openrc has none. Its services call dpkg's.\n"

func (p *played) markdown() string {
	var text strings.Builder
	h := p.scenario.header
	fmt.Fprintf(&text, "\n**%s** (%s). %s\n", h.Title, h.From, h.Right)
	first := "\n"
	for _, t := range tools {
		for _, note := range p.notes(t) {
			text.WriteString(first + "- " + note + "\n")
			first = ""
		}
	}
	return text.String()
}

func (c comparison) versions() []string {
	var uname unix.Utsname
	lines := []string{"Linux"}
	if err := unix.Uname(&uname); err == nil {
		parts := strings.SplitN(unix.ByteSliceToString(uname.Release[:]), ".", 3)
		lines[0] = "Linux " + strings.Join(parts[:min(len(parts), 2)], ".")
	}
	for _, f := range c.peers {
		lines = append(lines, f.Version)
	}
	slices.Sort(lines)
	return lines
}
