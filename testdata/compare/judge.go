package main

import (
	"fmt"
	"slices"
	"strings"
)

// played is a scenario with what all said.
type played struct {
	scenario scenario
	question question
	answers  []answer
}

// cell is a field of the table.
type cell string

const (
	right      cell = "right"
	wrong      cell = "**wrong**"
	hang       cell = "**hang**"
	noQuestion cell = "–"   // the tool has no such question
	absent     cell = "n/a" // the tool is not on this machine
)

// cell is one field for both questions: the worse of the two.
func (p *played) cell(t tool) cell {
	worst := noQuestion
	for _, a := range p.answers {
		if a.Tool != t.name {
			continue
		}
		switch c := p.judge(t, a); {
		case c == hang, worst == noQuestion, worst == right:
			worst = c
		}
	}
	return worst
}

// judge: a definite answer is right if it is the truth; an error or a refusal only where nothing can be told.
func (p *played) judge(t tool, a answer) cell {
	q := p.question
	how, ok := t.asked(a.Kind)
	switch {
	case !ok:
		return noQuestion
	case a.Hung:
		return hang
	case a.Kind == askPids:
		pids, ok := how.pids(a.outcome)
		if !ok {
			return wrongUnless(q.Pids[0] == cannotTell)
		}
		slices.Sort(pids)
		return wrongUnless(q.Pids[0] != cannotTell && slices.Equal(pids, q.rightPids()))
	}
	said := how.says(a.outcome)
	if a.Kind == askStart {
		return wrongUnless(said == q.Start)
	}
	if said == notRunning && !how.knowsUnclaimed() {
		// It was asked about the pidfile's process only, and has no word for others.
		return wrongUnless(q.Status == notRunning || q.Status == unclaimed)
	}
	return wrongUnless(said == q.Status)
}

func wrongUnless(it bool) cell {
	if it {
		return right
	}
	return wrong
}

// says is the meaning of an answer about the status, or about a start.
func (a ask) says(said outcome) string {
	meaning, ok := a.means[said.Exit]
	if !ok || a.complains && said.Stdout == "" && said.Stderr != "" {
		return cannotTell
	}
	return meaning
}

func (a ask) knowsUnclaimed() bool { return a.means[150] == unclaimed }

// rightPids are the numbers of the processes that run the daemon, in order.
func (q question) rightPids() []int {
	var pids []int
	for _, name := range q.Pids {
		if pid := q.Processes[name]; pid != 0 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// truth is the right answer to a question, for the notes.
func (q question) truth(kind string) string {
	switch kind {
	case askStatus, askUnnamed:
		return strings.ReplaceAll(q.Status, "-", " ")
	case askStart:
		return map[string]string{yes: "to be started", no: "not to be started"}[q.Start]
	}
	switch q.Pids[0] {
	case "none":
		return "none"
	case cannotTell:
		return "cannot tell"
	}
	return "$" + strings.Join(q.Pids, " $")
}

// notes are a line for each answer of a tool that is not right: what it was asked, and what it said.
func (p *played) notes(t tool) (lines []string) {
	for _, a := range p.answers {
		if a.Tool != t.name || p.judge(t, a) == right {
			continue
		}
		how, _ := t.asked(a.Kind)
		lines = append(lines, fmt.Sprintf("`%s` %s; right: %s", how.shown, p.question.heard(a.outcome), p.question.truth(a.Kind)))
	}
	return lines
}
