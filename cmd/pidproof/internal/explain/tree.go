package explain

import (
	"fmt"
	"strings"

	"pidproof/matcher"
)

// siblingsShown is how many children alike are listed before they are counted.
const siblingsShown = 6

// tree shows the processes of the daemon below their parents.
func (p page) tree(r matcher.Report) {
	all := processes(r)
	if len(all) == 0 {
		if r.Scanned {
			p.Put("Processes", "that run this daemon: none")
		}
		return
	}
	inTree := map[int]bool{}
	for _, proc := range all {
		inTree[proc.Evidence.PID] = true
	}
	children := map[int][]*matcher.Process{}
	for _, proc := range all {
		parent := proc.Evidence.PPID
		if !inTree[parent] {
			parent = 0
		}
		children[parent] = append(children[parent], proc)
	}
	p.Put("Processes", "that run this daemon:")
	p.branch(children, new(matcher.Process), 0)
}

func (p page) branch(children map[int][]*matcher.Process, parent *matcher.Process, depth int) {
	alike, previous := 0, ""
	flush := func() {
		if alike > siblingsShown {
			p.Put("", indent(depth)+fmt.Sprintf("... and %d more like it", alike-siblingsShown))
		}
	}
	for _, proc := range children[parent.Evidence.PID] {
		pid := proc.Evidence.PID
		text := describe(proc, parent)
		if text != previous {
			flush()
			alike, previous = 0, text
		}
		if alike++; alike > siblingsShown && len(children[pid]) == 0 {
			continue
		}
		p.Put("", indent(depth)+fmt.Sprintf("%d %s", pid, text))
		p.branch(children, proc, depth+1)
	}
	flush()
}

func indent(depth int) string {
	if depth == 0 {
		return ""
	}
	return strings.Repeat("   ", depth-1) + "`- "
}

// describe is what one line says behind the PID.
func describe(proc, parent *matcher.Process) string {
	text := string(proc.Role)
	switch {
	case proc.Instance != "" && proc.Instance == parent.Instance:
		text = "its worker"
	case proc.Instance != "":
		text += " of " + proc.Instance
	}
	if proc.Role == matcher.RoleForeign || proc.Role == matcher.RoleUnclear {
		text += ": " + proc.Decision.Why
	}
	if f := proc.Decision.File; f.Known() {
		text += ", " + f.String()
	}
	if s := ListensOn(proc); s != "" {
		text += ", " + s
	}
	return text
}
