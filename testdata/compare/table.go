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

func (s score) String() string { return s.orAbsent(fmt.Sprintf("%d of %d", s.right, s.of)) }

// orAbsent is a count, unless there was nothing to be counted.
func (s score) orAbsent(count string) string {
	if s.of == 0 {
		return string(absent)
	}
	return count
}

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
	var names []string
	var scores []score
	for _, t := range tools {
		names, scores = append(names, t.name), append(scores, c.score(t))
	}
	return summaryOf(names, scores)
}

func summaryOf(names []string, scores []score) string {
	var text strings.Builder
	text.WriteString(line([]string{"Tool", "right", "wrong", "hangs"}) + "|---|--:|--:|--:|\n")
	for i, s := range scores {
		wrong, hangs := s.orAbsent(fmt.Sprint(s.of-s.right-s.hang)), s.orAbsent(fmt.Sprint(s.hang))
		text.WriteString(line([]string{names[i], s.String(), wrong, hangs}))
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
	width := 0
	for _, t := range tools {
		width = max(width, len(t.name))
	}
	for _, t := range tools {
		fmt.Fprintf(&text, "%-*s right in %s\n", width, t.name, c.score(t))
	}
	return text.String()
}

const legend = `Each row is a situation that is arranged from real processes, in namespaces of its own, and each tool is asked about it.
The right answer is known from what was started; no tool is asked for it. The questions are:

- Is the process that the pidfile F names the daemon D, and may it be acted on? Or, where no pidfile is given: does D run?
- Which processes run D?
- May D be started with the pidfile F? That is asked where the pidfile is lost.

To the first, the right answer is one of:

- running
- not running
- unclaimed: not by this pidfile, but the daemon runs. A tool that has no word for that is right with "not running".
- cannot tell: an error or a refusal. It is also right where the number is correct but its writer may not be trusted: to
  act on it would be wrong.

To the second, it is all of them and no other; or that it cannot be told. To the third, it is yes or no.

A tool that can be asked several questions has to be right in all. One that takes longer than %s hangs, and is killed. A
dash: it has no such question.

Each tool is asked as its manual has it for an init script; ` + "`pidof D | grep`" + ` as apache2's script asks. NAME is D without
its directories. Of pidof and dpkg's start-stop-daemon there are two: this machine's, of Debian 12, and those of Debian 13,
from its packages and with its C library. What is said of one of the two alone names it. The LSB functions are the same
file in both.

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
	text.WriteString(line(scores) + c.changes() + "\n## What was right, and who said something else\n")
	for _, p := range c.plays {
		text.WriteString(p.markdown())
	}
	text.WriteString("\n## The tools\n\n")
	var asked lines
	for _, t := range tools {
		for _, a := range t.asks {
			asked.add(fmt.Sprintf("%s: `%s`", strings.TrimSuffix(t.name, ", "+t.release), a.shown), t.release)
		}
	}
	text.WriteString(asked.String() + openrc + "\nVersions:\n\n")
	for _, version := range c.versions() {
		text.WriteString("- " + version + "\n")
	}
	return text.String()
}

// changes are where a tool of the newer release has another answer than the older's.
func (c comparison) changes() string {
	var text strings.Builder
	text.WriteString("\n## What Debian 13 has changed\n\n")
	for _, older := range tools {
		if older.release != bookworm.name {
			continue
		}
		name := strings.TrimSuffix(older.name, ", "+older.release)
		newer := tools[slices.IndexFunc(tools, func(t tool) bool { return t.name == name+", "+trixie.name })]
		var rows []string
		for _, p := range c.plays {
			if was, is := c.cell(p, older), c.cell(p, newer); was != is {
				rows = append(rows, fmt.Sprintf("  - %s: was %s, is %s\n", p.scenario.header.Title, was, is))
			}
		}
		if rows == nil {
			rows = []string{"  - nothing\n"}
		}
		text.WriteString("- " + name + ":\n" + strings.Join(rows, ""))
	}
	return text.String()
}

// openrc is checked by a test.
const openrc = "- OpenRC's start-stop-daemon: not applicable, Debian's package openrc has none. Its services call dpkg's.\n"

func (p *played) markdown() string {
	var text strings.Builder
	h := p.scenario.header
	fmt.Fprintf(&text, "\n**%s** (%s). %s\n", h.Title, h.From, h.Right)
	var whose lines
	for _, t := range tools {
		for _, note := range p.notes(t) {
			whose.add(note, t.release)
		}
	}
	if len(whose) > 0 {
		text.WriteString("\n" + whose.String())
	}
	return text.String()
}

// lines are what is said of tools, each once: with the release, if it holds for that one's tool alone.
type lines []struct{ text, release string }

func (l *lines) add(text, release string) {
	for i, line := range *l {
		if line.text == text {
			(*l)[i].release = ""
			return
		}
	}
	*l = append(*l, struct{ text, release string }{text, release})
}

func (l lines) String() string {
	var text strings.Builder
	for _, line := range l {
		if line.release != "" {
			line.release = " (" + line.release + ")"
		}
		text.WriteString("- " + line.text + line.release + "\n")
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
