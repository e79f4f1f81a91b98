package audit

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// An empty pidfile names nobody: to everybody who asks it, that is what a removed one is.

// empties: a redirection leaves nothing in a pidfile, or a program does.
func (f *finder) empties(s *syntax.Stmt) {
	for _, r := range s.Redirs {
		switch r.Op {
		case syntax.RdrOut, syntax.ClbOut, syntax.RdrAll:
			if r.Word != nil && (f.isPidfile(r.Word) || f.barePidfile(r.Word)) && f.saysNothing(s) {
				f.removed(s, command{args: []*syntax.Word{r.Word}})
			}
		}
	}
}

// saysNothing: what a statement prints is nothing, or what nobody knows of a file that is only opened.
func (f *finder) saysNothing(s *syntax.Stmt) bool {
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is || len(call.Args) == 0 {
		return s.Cmd == nil || is
	}
	if f.functions[call.Args[0].Lit()] != nil {
		return false
	}
	args := call.Args[1:]
	switch path.Base(call.Args[0].Lit()) {
	case ":", "true", "false":
		return true
	case "exec":
		return len(args) == 0
	case "cat":
		if len(args) == 0 {
			return slices.ContainsFunc(s.Redirs, func(r *syntax.Redirect) bool {
				return r.Op == syntax.RdrIn && r.Word != nil && r.Word.Lit() == "/dev/null"
			})
		}
		return !slices.ContainsFunc(args, func(w *syntax.Word) bool { return w.Lit() != "/dev/null" })
	case "echo", "printf":
		return !slices.ContainsFunc(args, func(w *syntax.Word) bool {
			return w.Lit() != "-n" && strings.Trim(first(f.values(w)), " ") != ""
		})
	}
	return false
}

// emptiesBy: truncate, and what writes the empty file over it.
func (f *finder) emptiesBy(c command) bool {
	if len(c.args) == 0 {
		return false
	}
	switch last := c.args[len(c.args)-1]; c.name {
	case "sed":
		return f.isPidfile(last) && slices.ContainsFunc(c.args, func(w *syntax.Word) bool { return strings.HasPrefix(literalStart(w), "-i") })
	case "truncate", "shred", "wipe", "srm":
		return slices.ContainsFunc(c.args, f.isPidfile)
	case "dd":
		to := optionValue(f.source, c.args, "of=", "of")
		return to != nil && f.isPidfile(to)
	case "cp", "install", "ln", "mv":
		return f.isPidfile(last) && slices.ContainsFunc(c.args, func(w *syntax.Word) bool { return w.Lit() == "/dev/null" })
	}
	return false
}

// isAmong: a pattern that rm or find is given fits a pidfile, or it is of a directory that has one.
func (f *finder) isAmong(w *syntax.Word) bool {
	for _, v := range f.values(w) {
		if strings.Contains(v, unknown) {
			continue
		}
		if before, is := cutPattern(v); is && strings.Trim(before, "./") != "" {
			stem := path.Base(before)
			if fits(v, path.Dir(before)+"/"+strings.TrimSuffix(stem, ".")+".pid") && inRun.Compiled().MatchString(v) && strings.Contains(before, ".") {
				return true
			}
		}
		for known := range f.pidfilesKnown() {
			if fits(v, known) || v != "/" && strings.HasPrefix(known, strings.TrimRight(v, "/")+"/") {
				return true
			}
		}
	}
	return false
}

var inRun = pattern(`^(/var)?/run/`)

// cutPattern is what stands before what a shell makes names of.
func cutPattern(v string) (before string, is bool) {
	at := strings.IndexAny(v, "*?[")
	if at < 0 {
		return v, false
	}
	before = v[:at]
	if dot := strings.LastIndexByte(before, '.'); dot > strings.LastIndexByte(before, '/') {
		before = before[:dot+1]
	}
	return before, true
}

func fits(pattern, name string) bool {
	is, err := path.Match(pattern, name)
	return err == nil && is
}

// pidfilesKnown are the paths of pidfiles that the script has: they are given as such, or in a variable that is named so.
func (src *source) pidfilesKnown() map[string]bool {
	if src.paths != nil {
		return src.paths
	}
	src.paths = map[string]bool{}
	for name, words := range src.assigned {
		if !src.pidfiles[name] && !pidfileName.Compiled().MatchString(name) {
			continue
		}
		for _, w := range words {
			for _, v := range src.values(w) {
				if strings.HasPrefix(v, "/") && !strings.Contains(v, unknown) && v != "/dev/null" {
					src.paths[path.Clean(v)] = true
				}
			}
		}
	}
	for text := range src.pidfiles {
		if strings.HasPrefix(text, "/") && !strings.ContainsAny(text, "$`") {
			src.paths[path.Clean(text)] = true
		}
	}
	return src.paths
}
