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

// text is the whole page.
func text(outcomes []healing.Outcome) string {
	var b strings.Builder
	b.WriteString(preamble + "## Totals\n\n")
	b.WriteString(totals(outcomes))
	b.WriteString("\n## Script by script\n\n| Script | Package | Version | Replaced | Left | Patch | Steps | Stock right | Patched right | Healed | Stock hits | Patched hits |\n" +
		"|---|---|---|--:|--:|---|--:|--:|--:|--:|--:|--:|\n")
	for _, o := range outcomes {
		s := service(o.Name)
		c := s.Compare(o)
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | %s | %d | %d | %d | %d | %d | %d |\n", o.Name, s.Packages[0], o.Version,
			o.Replaced, o.Left, o.Patch, c.Steps, c.StockRight, c.PatchedRight, len(c.Healed), c.StockHits, c.PatchedHits)
	}
	if missing := missing(outcomes); len(missing) > 0 {
		fmt.Fprintf(&b, "\nNot tried yet: %s.\n", strings.Join(missing, ", "))
	}
	b.WriteString("\n## What was seen\n")
	for _, o := range outcomes {
		fmt.Fprintf(&b, "\n### %s\n\nActions: %s.\n", o.Name, strings.Join(actions(o), ", "))
		b.WriteString(seen(service(o.Name).Compare(o)))
	}
	return b.String()
}

func totals(outcomes []healing.Outcome) string {
	var sum healing.Comparison
	var healed, both, broken, words int
	for _, o := range outcomes {
		c := service(o.Name).Compare(o)
		sum.Steps += c.Steps
		sum.StockRight += c.StockRight
		sum.PatchedRight += c.PatchedRight
		sum.StockHits += c.StockHits
		sum.PatchedHits += c.PatchedHits
		healed, both, broken, words = healed+len(c.Healed), both+len(c.Both), broken+len(c.Broken), words+len(c.Words)
	}
	var b strings.Builder
	b.WriteString("| | |\n|---|--:|\n")
	for _, row := range []struct {
		what string
		n    int
	}{
		{"scripts", len(outcomes)},
		{"steps, each with the stock script and the patched one", sum.Steps},
		{"the stock script is right", sum.StockRight},
		{"the patched script is right", sum.PatchedRight},
		{"healed: stock is wrong, patched is right", healed},
		{"the stock script, or its daemon, hits an innocent process", sum.StockHits},
		{"with the patched script, the daemon itself does, or a place that the audit names and leaves", sum.PatchedHits},
		{"wrong in both, or now and then in either, by no fault of the patch", both},
		{"stock is right, and the patched script is wrong or differs", broken},
		{"both are right, and say something else", words},
	} {
		fmt.Fprintf(&b, "| %s | %d |\n", row.what, row.n)
	}
	return b.String()
}

func missing(outcomes []healing.Outcome) (names []string) {
	for _, s := range healing.Services {
		if !slices.ContainsFunc(outcomes, func(o healing.Outcome) bool { return o.Name == s.Name }) {
			names = append(names, s.Name)
		}
	}
	return names
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
