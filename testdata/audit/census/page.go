package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// page is docs/audit.md.
type page struct {
	Scripts []script
	Missing []string // packages that the archive did not have
	Truth   string   // what TestGroundTruth says
}

const preamble = `# The census: what Debian's init scripts ask, and how

Written by ` + "`make audit-census`" + `, which downloads the packages of [testdata/audit/packages](../testdata/audit/packages)
that the archive has, audits each of their init scripts with ` + "`pidproof audit`" + `, and keeps what ` + "`audit --patch`" + ` prints in
[scripts/patches](../scripts/patches). Nothing of a script is executed. *Covered* are places that ask pidproof as soon
as its hook and wrapper are there; *replaced* those that the audit of the patched script has no longer; *left*, by the kinds
of ` + "`man pidproof-audit`" + `, those for which no replacement is known to be safe.

`

func (p page) String() string {
	var b strings.Builder
	b.WriteString(preamble)
	b.WriteString("## Totals\n\n| | |\n|---|--:|\n")
	for _, row := range p.totals() {
		fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
	}
	b.WriteString("\n## Checked by hand\n\nScripts that a person has labelled, line by line, before the program was asked\n" +
		"([testdata/audit/labels](../testdata/audit/labels)): what the audit finds of that, and what of its findings is none:\n" +
		p.Truth + ".\n\n")
	open, rest := split(p.Scripts)
	b.WriteString("## Scripts with places of their own\n\n| Script | Package | Version | Covered | Replaced | Left |\n|---|---|---|--:|--:|---|\n")
	for _, s := range open {
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | %s |\n", s.Name, s.Package, s.Version, s.Covered, s.Replaced, strings.Join(s.Left, ", "))
	}
	b.WriteString("\n## Scripts with nothing to do\n\n| Script | Package | Version | Covered |\n|---|---|---|--:|\n")
	for _, s := range rest {
		fmt.Fprintf(&b, "| %s | %s | %s | %d |\n", s.Name, s.Package, s.Version, s.Covered)
	}
	b.WriteString("\n## Patches that a person has not taken\n\n")
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		fmt.Fprintf(&b, "- %s.patch: %s\n", name, refused[name])
	}
	b.WriteString("\n## Not read\n\n")
	if len(p.Missing) == 0 && !slices.ContainsFunc(p.Scripts, func(s script) bool { return s.Unread }) {
		b.WriteString("All packages were in the archive, and all scripts could be read.\n")
	}
	for _, s := range p.Scripts {
		if s.Unread {
			fmt.Fprintf(&b, "- %s of %s %s: no shell script, or one that cannot be parsed\n", s.Name, s.Package, s.Version)
		}
	}
	for _, name := range p.Missing {
		fmt.Fprintf(&b, "- %s: not in the archive\n", name)
	}
	return b.String()
}

// split puts apart the scripts in which something is open.
func split(scripts []script) (open, rest []script) {
	for _, s := range scripts {
		switch {
		case s.Unread:
		case s.Replaced > 0 || len(s.Left) > 0:
			open = append(open, s)
		default:
			rest = append(rest, s)
		}
	}
	return open, rest
}

func (p page) totals() (rows [][2]string) {
	var packages []string
	var covered, replaced, left, unread, withPatch, mended int
	for _, s := range p.Scripts {
		packages = append(packages, s.Package)
		n := 0
		for _, kind := range s.Left {
			_, number, _ := strings.Cut(kind, " ")
			k, err := strconv.Atoi(number)
			if err != nil {
				panic(kind) // it is ours
			}
			n += k
		}
		covered, replaced, left = covered+s.Covered, replaced+s.Replaced, left+n
		if s.Unread {
			unread++
		}
		if s.Replaced > 0 {
			withPatch++
			if n == 0 {
				mended++
			}
		}
	}
	slices.Sort(packages)
	open, rest := split(p.Scripts)
	share := func(n int) string {
		return fmt.Sprintf("%d (%d %%)", n, (100*n+len(p.Scripts)/2)/max(1, len(p.Scripts)))
	}
	return [][2]string{
		{"packages", strconv.Itoa(len(slices.Compact(packages)))},
		{"init scripts", strconv.Itoa(len(p.Scripts))},
		{"scripts with nothing to do, with hook and wrapper", share(len(rest))},
		{"scripts with places of their own", share(len(open))},
		{"scripts that a patch changes", share(withPatch)},
		{"scripts that a patch leaves nothing in", share(mended)},
		{"scripts that could not be read", share(unread)},
		{"places covered by hook or wrapper", strconv.Itoa(covered)},
		{"places that the patches replace", strconv.Itoa(replaced)},
		{"places left", strconv.Itoa(left)},
	}
}

// read is the opposite of String: a test holds the page and the program together with it.
func read(text string) (p page) {
	p.Truth = truthLine.FindString(text)
	cell := regexp.MustCompile(` *\| *`)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, is := strings.CutSuffix(line, ": not in the archive"); is {
			p.Missing = append(p.Missing, strings.TrimPrefix(name, "- "))
			continue
		}
		if name, is := strings.CutSuffix(line, ": no shell script, or one that cannot be parsed"); is {
			words := strings.Fields(strings.TrimPrefix(name, "- "))
			p.Scripts = append(p.Scripts, script{Name: words[0], Package: words[2], Version: words[3], Unread: true})
			continue
		}
		cells := cell.Split(strings.Trim(line, "|"), -1)
		if len(cells) < 4 || cells[0] == "" || strings.HasPrefix(cells[0], "---") || strings.TrimSpace(cells[0]) == "Script" {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		s := script{Name: cells[0], Package: cells[1], Version: cells[2]}
		s.Covered, _ = strconv.Atoi(cells[3])
		if len(cells) > 4 {
			s.Replaced, _ = strconv.Atoi(cells[4])
			if cells[5] != "" {
				s.Left = strings.Split(cells[5], ", ")
			}
		}
		p.Scripts = append(p.Scripts, s)
	}
	return p
}
