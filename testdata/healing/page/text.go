package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"pidproof/testdata/healing"
)

const preamble = `# The proof that the patches heal

Written by ` + "`make healing`" + `: Debian 12's packages, their daemons started by their own init scripts in a booted host, first
unedited, then with pidproof's hook and wrapper and the patch of [scripts/patches](../scripts/patches). Every action of
a script is called in each of these states:

- the daemon runs; it runs, and its file was replaced; another instance runs beside it, where the daemon can have one;
- it is stopped, without a pidfile, or with one that names nobody, or an innocent process that has the number by now; or
  it is stopped while another instance runs.

What is right is told from ` + "`/proc`" + `, without pidproof: which main processes run afterwards, whether that of before is among
them and the pidfile names it, what the script's exit status says. The innocent process blocks its signals, so that those it
is sent stay to be seen, and strace sees those of the daemon; what a script sleeps is counted. The innocent is *hit* where it
is signalled, waited for, or called the daemon, and so is the other instance. Where the stock script is right, the patched
one has to do the same.

`

// text is the whole page: of each service what was seen now, or what the page has of it since before.
func text(outcomes []healing.Outcome, before string) string {
	var b strings.Builder
	parts := kept(before)
	for _, o := range outcomes {
		parts[o.Name] = partOf(o)
	}
	b.WriteString(preamble + "## Totals\n\n")
	b.WriteString(totals(parts))
	b.WriteString("\n## Script by script\n\n| Script | Package | Version | Replaced | Left | Patch | Steps | Stock right | Patched right | Healed | Stock hits | Patched hits |\n" +
		"|---|---|---|--:|--:|---|--:|--:|--:|--:|--:|--:|\n")
	var missing []string
	for _, s := range healing.Services {
		if part, is := parts[s.Name]; is {
			b.WriteString(part.row + "\n")
		} else {
			missing = append(missing, s.Name)
		}
	}
	if len(missing) > 0 {
		fmt.Fprintf(&b, "\nNot tried yet: %s.\n", strings.Join(missing, ", "))
	}
	b.WriteString("\n## What was seen\n")
	for _, s := range healing.Services {
		b.WriteString(parts[s.Name].seen)
	}
	return b.String()
}

func partOf(o healing.Outcome) part {
	s := service(o.Name)
	c := s.Compare(o)
	return part{
		row: fmt.Sprintf("| %s | %s | %s | %d | %d | %s | %d | %d | %d | %d | %d | %d |", o.Name, s.Packages[0], o.Version,
			o.Replaced, o.Left, o.Patch, c.Steps, c.StockRight, c.PatchedRight, len(c.Healed), c.StockHits, c.PatchedHits),
		seen: fmt.Sprintf("\n### %s\n\nActions: %s.\n", o.Name, strings.Join(actions(o), ", ")) + seen(c),
	}
}

func totals(parts map[string]part) string {
	var b strings.Builder
	b.WriteString("| | |\n|---|--:|\n")
	sum := map[string]int{}
	for _, p := range parts {
		for name, n := range p.numbers() {
			sum[name] += n
		}
	}
	for _, row := range [][2]string{
		{"scripts", "scripts"},
		{"steps, each with the stock script and the patched one", "steps"},
		{"the stock script is right", "stock right"},
		{"the patched script is right", "patched right"},
		{"healed: stock is wrong, patched is right", "healed"},
		{"the stock script, or its daemon, hits an innocent process", "stock hits"},
		{"with the patched script, the daemon itself does, or a place that the audit names and leaves", "patched hits"},
		{"wrong in both, or now and then in either, by no fault of the patch", "Wrong in both"},
		{"stock is right, and the patched script is wrong or differs", "Broken"},
	} {
		fmt.Fprintf(&b, "| %s | %d |\n", row[0], sum[row[1]])
	}
	return b.String()
}

func actions(o healing.Outcome) (names []string) {
	for _, step := range o.Patched {
		if !slices.Contains(names, step.Action) {
			names = append(names, step.Action)
		}
	}
	return names
}

// seen are the steps in which not all is well on both sides.
func seen(c healing.Comparison) string {
	var b strings.Builder
	list := func(title string, differences []healing.Difference, say func(healing.Difference) string) {
		if len(differences) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s:\n\n", title)
		for _, group := range grouped(differences, say) {
			fmt.Fprintf(&b, "- %s\n", group)
		}
	}
	list("Healed", c.Healed, func(d healing.Difference) string { return "stock " + d.Stock })
	list("Wrong in both", c.Both, func(d healing.Difference) string {
		switch d.Stock {
		case d.Patched:
			return d.Stock
		case "":
			return d.Patched + "; stock does that at other times"
		}
		return "stock " + d.Stock + "; patched " + d.Patched
	})
	list("Broken", c.Broken, func(d healing.Difference) string {
		return "stock " + cmp.Or(d.Stock, "is right") + "; patched " + d.Patched
	})
	if b.Len() == 0 {
		b.WriteString("\nAll is right on both sides.\n")
	}
	return b.String()
}

// grouped joins the actions of which the same is to be said, state by state.
func grouped(differences []healing.Difference, say func(healing.Difference) string) (lines []string) {
	type key struct {
		state healing.State
		said  string
	}
	var order []key
	of := map[key][]string{}
	for _, d := range differences {
		k := key{d.State, escaped(say(d))}
		if of[k] == nil {
			order = append(order, k)
		}
		of[k] = append(of[k], "`"+d.Action+"`")
	}
	for _, k := range order {
		lines = append(lines, fmt.Sprintf("%s, %s: %s", strings.Join(of[k], ", "), k.state, k.said))
	}
	return lines
}

// escaped: numbers are not the same in the next run, and what may be markup is none.
func escaped(said string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`, "\n", " ").Replace(said)
}
