package audit

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sort"

	"pidproof/cmd/pidproof/internal/say"
)

// Report is what was found in all files.
type Report struct {
	Files    int // that were read as shell
	Findings []Finding
	Patches  []Patch // of the files in which something can be replaced
	Passed   []error // files that are no shell scripts
	Unread   []error // files of which nothing is known
}

// Audit reads the files, and says how each is mended. What is no shell script counts as
// unread where it was named itself. What a script reads with "." is a part of it, and named
// where it stands; nothing is replaced there, as nobody has asked for that file.
func Audit(files Files) (r Report) {
	r.Unread, r.Passed = files.unmet, files.passed
	seen := map[string]bool{}
	for _, path := range files.Paths {
		seen[filepath.Clean(path)] = true
	}
	var parts []string
	for _, path := range files.Paths {
		p, found, its, err := one(path)
		parts = append(parts, its...)
		switch {
		case err == nil:
			r.Files++
			r.Findings = append(r.Findings, found...)
			if p.Done > 0 {
				r.Patches = append(r.Patches, p)
			}
		case errors.Is(err, ErrNoShell) && !files.named[path]:
			r.Passed = append(r.Passed, err)
		default:
			r.Unread = append(r.Unread, err)
		}
	}
	r.addParts(parts, seen)
	return r
}

// partsLimit: nobody's scripts read as many files.
const partsLimit = 10_000

func (r *Report) addParts(parts []string, seen map[string]bool) {
	for len(parts) > 0 && len(seen) < partsLimit {
		path := filepath.Clean(parts[0])
		parts = parts[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		s := sourcedBy("")(path)
		if s == nil { // it is not there, or no shell
			continue
		}
		s.unpatched = true
		src, found := audited(s)
		if parts = append(parts, src.parts()...); len(found) > 0 {
			r.Files++
			r.Findings = append(r.Findings, found...)
		}
	}
}

func one(path string) (Patch, []Finding, []string, error) {
	s, err := load(path)
	if err != nil {
		return Patch{}, nil, nil, err
	}
	if say.Printable(path) != path { // its name would be lines of a patch, for another file
		s.unpatched = true
	}
	src, found := audited(s)
	return settle(s, patchOf(s, found), found), found, src.parts(), nil
}

func audited(s *script) (*source, []Finding) {
	src := look(s, sourcedBy(s.path))
	return src, src.supply(find(src))
}

// parts are the files that a script reads with ".", but the LSB's functions, which are a place of the host's.
func (src *source) parts() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(src.read)), func(path string) bool { return filepath.Dir(path) == "/lib/lsb" })
}

// sourcedBy reads what a script reads with ".", if it can be read.
func sourcedBy(by string) func(path string) *script {
	return func(path string) *script {
		if filepath.Dir(path) == "/lib/lsb" || path == by {
			return nil // it is only asked whether it is read
		}
		text, _, err := read(path)
		if err != nil || readable(text) != nil {
			return nil
		}
		s := &script{path: path, text: text}
		f, err := parsePart(part{text: text})
		if err != nil {
			return nil
		}
		s.files = append(s.files, f)
		return s
	}
}

// Open are the findings that nothing covers, worst first.
func (r Report) Open() []Finding {
	open := slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Covered != "" })
	sort.SliceStable(open, func(i, j int) bool { return rank(open[i].Kind) < rank(open[j].Kind) })
	return open
}

// Left are the open findings that the audit of the patched scripts has, too.
func (r Report) Left() []Finding {
	return slices.DeleteFunc(r.Open(), func(f Finding) bool { return f.replaced })
}
