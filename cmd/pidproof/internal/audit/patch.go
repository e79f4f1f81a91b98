package audit

import (
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

const contextLines = 3 // of a unified diff, as diff -u has them

// Patch is a script with replacements.
type Patch struct {
	Path string
	Done int // how many there are
	old  []string
	// lines are the new text of lines that change, by their index. A replacement is made
	// within one line, and may be several.
	lines map[int]string
}

// patchOf makes those replacements of a script's places that are known.
func patchOf(s *script, found []Finding) Patch {
	text := s.text
	p := Patch{Path: s.path, old: strings.SplitAfter(text, "\n"), lines: map[int]string{}}
	if p.old[len(p.old)-1] == "" {
		p.old = p.old[:len(p.old)-1]
	}
	edits := slices.DeleteFunc(slices.Clone(found), func(f Finding) bool { return f.new == "" })
	sort.SliceStable(edits, func(i, j int) bool { return edits[i].node.from > edits[j].node.from }) // the last first
	before := len(text)
	for i, f := range edits {
		if i > 0 && f.node == edits[i-1].node { // it is replaced with the other
			p.Done++
			continue
		}
		if f.node.to > before { // it overlaps with one that was replaced
			continue
		}
		before = f.node.from
		at := strings.Count(text[:f.node.from], "\n")
		start := strings.LastIndexByte(text[:f.node.from], '\n') + 1
		line, changed := p.lines[at]
		if !changed {
			line = p.old[at]
		}
		p.lines[at] = line[:f.node.from-start] + f.new + line[f.node.to-start:]
		p.Done++
	}
	return p
}

// settle says of each open finding whether the patch replaces it: whether the audit of the patched script has it no
// longer. A loop that waits is mended where the number is proven that it asks for, at another place. There is no patch
// that no shell would read.
func settle(s *script, p Patch, found []Finding) Patch {
	if len(p.lines) == 0 {
		return p
	}
	patched, err := parse(p.Path, p.Text())
	if err != nil {
		return Patch{Path: p.Path}
	}
	patched.unpatched = s.unpatched
	_, after := audited(patched)
	left := map[string]int{}
	for _, f := range after {
		if f.Covered == "" {
			left[string(f.Kind)+" "+f.Words]++
		}
	}
	p.Done = 0
	for _, edited := range []bool{false, true} { // of two alike, what was replaced itself is gone
		for i := range found {
			f := &found[i]
			if key := string(f.Kind) + " " + f.Words; f.Covered == "" && (f.new != "") == edited {
				f.replaced = left[key] == 0
				left[key] = max(0, left[key]-1)
			}
		}
	}
	for _, f := range found {
		p.Done += count(f.replaced)
	}
	return p
}

// Text is the script with its replacements.
func (p Patch) Text() string {
	var b strings.Builder
	for i, line := range p.old {
		if changed, is := p.lines[i]; is {
			line = changed
		}
		b.WriteString(line)
	}
	return b.String()
}

// Diff is a unified diff, as `patch -p1` takes it in the root directory.
func (p Patch) Diff() string {
	if len(p.lines) == 0 {
		return ""
	}
	name := strings.TrimLeft(p.Path, "/")
	if path, err := filepath.Abs(p.Path); err == nil {
		name = strings.TrimLeft(path, "/")
	}
	if strings.Contains(name, " ") { // patch(1) takes what follows for the date, unless a tab does
		name += "\t"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- a/%s\n+++ b/%s\n", name, name)
	shift := 0
	for from := p.next(0); from < len(p.old); {
		to := from + 1 // behind the last line that changes in this hunk
		for next := p.next(to); next < len(p.old) && next-to < 2*contextLines; next = p.next(to) {
			to = next + 1
		}
		first, last := max(0, from-contextLines), min(len(p.old), to+contextLines)
		body, grown := p.hunk(first, last)
		fmt.Fprintf(&b, "@@ -%d,%d +%d,%d @@\n%s", first+1, last-first, first+1+shift, last-first+grown, body)
		shift += grown
		from = p.next(to)
	}
	return b.String()
}

// next is the first line from i on that changes, or behind the last.
func (p Patch) next(i int) int {
	for ; i < len(p.old); i++ {
		if _, changes := p.lines[i]; changes {
			break
		}
	}
	return i
}

// hunk are the lines of one, and by how many there are more than before.
func (p Patch) hunk(first, last int) (body string, grown int) {
	var b strings.Builder
	for i := first; i < last; i++ {
		changed, is := p.lines[i]
		if !is {
			b.WriteString(marked(" ", p.old[i]))
			continue
		}
		b.WriteString(marked("-", p.old[i]))
		for line := range strings.Lines(changed) {
			b.WriteString(marked("+", line))
			grown++
		}
		grown--
	}
	return b.String(), grown
}

func marked(mark, line string) string {
	if !strings.HasSuffix(line, "\n") {
		return mark + line + "\n\\ No newline at end of file\n"
	}
	return mark + line
}
