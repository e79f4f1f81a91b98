package audit

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"

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
// unread where it was named itself.
func Audit(files Files) (r Report) {
	r.Unread, r.Passed = files.unmet, files.passed
	for _, path := range files.Paths {
		p, found, err := one(path)
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
	return r
}

func one(path string) (Patch, []Finding, error) {
	s, err := load(path)
	if err != nil {
		return Patch{}, nil, err
	}
	if say.Printable(path) != path { // its name would be lines of a patch, for another file
		s.unpatched = true
	}
	src := look(s, sourcedBy(path))
	found := src.supply(find(src))
	return patchOf(s, found), found, nil
}

// sourcedBy reads what a script reads with ".", if it can be read.
func sourcedBy(by string) func(path string) *script {
	return func(path string) *script {
		if filepath.Dir(path) == "/lib/lsb" || path == by {
			return nil // it is only asked whether it is read
		}
		text, err := read(path)
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
	slices.SortStableFunc(open, func(a, b Finding) int { return cmp.Compare(rank(a.Kind), rank(b.Kind)) })
	return open
}

// Left are the open findings that no replacement is known for.
func (r Report) Left() []Finding {
	return slices.DeleteFunc(r.Open(), func(f Finding) bool { return f.new != "" })
}
