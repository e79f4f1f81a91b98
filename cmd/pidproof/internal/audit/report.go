package audit

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
)

// Report is what was found in all files.
type Report struct {
	Files    int // that were read as shell
	Findings []Finding
	Passed   []error // files that are no shell scripts
	Unread   []error // files of which nothing is known
}

// Audit reads the files. What is no shell script counts as unread where it was named itself.
func Audit(files []string, named map[string]bool) (r Report) {
	for _, path := range files {
		findings, err := One(path)
		if err != nil {
			r.Note(err, named[path])
			continue
		}
		r.Files++
		r.Findings = append(r.Findings, findings...)
	}
	return r
}

// Note keeps why a file was not read.
func (r *Report) Note(err error, named bool) {
	if errors.Is(err, ErrNoShell) && !named {
		r.Passed = append(r.Passed, err)
		return
	}
	r.Unread = append(r.Unread, err)
}

// One reads one file.
func One(path string) ([]Finding, error) {
	s, err := load(path)
	if err != nil {
		return nil, err
	}
	src := look(s, sourcedBy(path))
	return src.supply(find(src)), nil
}

// Repair reads one file, and says how it is mended.
func Repair(path string) (Patch, []Finding, error) {
	s, err := load(path)
	if err != nil {
		return Patch{}, nil, err
	}
	src := look(s, sourcedBy(path))
	found := src.supply(find(src))
	return PatchOf(path, s.text, found), found, nil
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
