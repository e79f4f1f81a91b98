package census

import (
	_ "embed"
	"strings"
)

//go:embed packages.txt
var list string

// Package is one of the census.
type Package struct {
	Name  string
	After string // a command, once it is installed
	Often bool   // also in `make test`
}

// Groups are the packages of the census, by the host that they share.
func Groups() (groups [][]Package) {
	for block := range strings.SplitSeq(list, "\n\n") {
		var group []Package
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			name, after, _ := strings.Cut(line, "|")
			name, often := strings.CutPrefix(name, "*")
			group = append(group, Package{strings.TrimSpace(name), strings.TrimSpace(after), often})
		}
		if len(group) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}
