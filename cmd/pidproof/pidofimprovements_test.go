package main

import (
	"slices"
	"strings"
	"testing"
)

// improvement is one way in which pidof is meant to differ from sysvinit's. The
// manual has a list item of this name, which says this.
type improvement struct {
	name, documented string
	root             bool // only root's tests can see it
	// adds and drops say of a process that the test arranged whether ours has it,
	// or has it not, whatever sysvinit's says.
	adds, drops func(question, *arranged) bool
}

// oneOfEach is about what -s and -c make of the PIDs.
const oneOfEach = "One of each"

var improvements = []improvement{
	{
		name: "Upgrades", documented: "the processes of a replaced file and of its successor are found together",
		adds: func(q question, p *arranged) bool { return q.runs(p) && q.wasAt(p) || q.namesScript(p) },
	},
	{
		name: "Containers", documented: "Processes of other PID namespaces are left out", root: true,
		drops: func(q question, p *arranged) bool {
			return p.pidNS || q.byPath() && q.reads(p) && (p.tree || p.root && p.script != "")
		},
	},
	{
		name: "Ordinary users", documented: "is found if the kernel's name for it fits", root: true,
		adds:  func(q question, p *arranged) bool { return q.byPath() && !q.reads(p) && q.mayRun(p) },
		drops: func(q question, p *arranged) bool { return q.byPath() && !q.reads(p) && !q.mayRun(p) },
	},
	{
		name: "Symbolic links", documented: "only processes that were started under a fitting name are found",
		drops: func(q question, p *arranged) bool {
			return q.byPath() && q.aliased() && q.reads(p) && p.path == q.canon && !q.fits(p)
		},
	},
	{
		name: "Hard links", documented: "a process of another hard link is found if it was started under this one's name",
		adds: func(q question, p *arranged) bool { return q.runs(p) && p.path != q.canon && !q.wasAt(p) },
	},
	{
		name: "Scripts", documented: "a script is also found by its absolute path when it was started by a relative one, through",
		adds: func(q question, p *arranged) bool { return q.runsScript(p) },
	},
	{
		name: "Arguments", documented: "Given a path, what a process calls itself counts for nothing",
		drops: func(q question, p *arranged) bool {
			return q.byPath() && (q.x || q.titles) && q.reads(p) && q.named(p) && !q.runs(p) && !q.runsScript(p) && !q.namesScript(p)
		},
	},
	{
		name: "Names", documented: "is not taken for a removed one",
		drops: func(q question, p *arranged) bool { return !p.gone && p.path == q.program+" (deleted)" },
	},
	{
		name: "Threads", documented: "A process whose first thread has ended is no zombie",
		adds: func(q question, p *arranged) bool {
			return p.life == headless && (q.runs(p) || !q.byPath() && q.named(p))
		},
	},
	{
		name: "Zombies", documented: "A path finds no zombie, for ordinary users either",
		drops: func(q question, p *arranged) bool { return q.byPath() && p.life == ended },
	},
	// The others are about whole calls; pidofwhole_test.go says how.
	{name: oneOfEach, documented: "the one is the newest that has the caller's root directory", root: true},
	{name: "Subshells", documented: "leaves out the shells that the caller was forked from, too"},
	{name: "Hanging", documented: "never hangs", root: true},
	{name: "Errors", documented: "A usage error exits 4, not 1"},
	{name: "Version", documented: "prints the version"},
	{name: "PIDs to omit", documented: "is complained about"},
}

// TestPidofDifferencesDocumented: the manual's list and the table are the same.
func TestPidofDifferencesDocumented(t *testing.T) {
	var inManual, inTable []string
	text := map[string]string{}
	for _, line := range pageOf(t, "pidof").part(t, ".Sh STANDARDS", "") {
		if line == ".El" {
			break
		}
		if name, isItem := strings.CutPrefix(line, ".It "); isItem {
			inManual = append(inManual, name)
		} else if len(inManual) > 0 {
			text[inManual[len(inManual)-1]] += " " + line
		}
	}
	for _, i := range improvements {
		inTable = append(inTable, i.name)
		if !strings.Contains(text[i.name], i.documented) {
			t.Errorf("the manual does not say of %s: %q", i.name, i.documented)
		}
	}
	if !slices.Equal(inManual, inTable) {
		t.Errorf("the manual tells pidof from sysvinit's by %q, the test by %q", inManual, inTable)
	}
}
