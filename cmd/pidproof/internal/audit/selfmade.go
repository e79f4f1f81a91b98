package audit

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// What a script writes into a file and runs then, or reads with ".", nobody knows before, unless all of it is written down:
// that was looked at where it is written.

// lookForMade has the places where the script makes a file, by how it is written there, and by its paths.
func (f *finder) lookForMade() map[string][]uint {
	made := map[string][]uint{}
	note := func(w *syntax.Word, at syntax.Node) {
		for _, name := range f.fileNames(w, false) {
			made[name] = append(made[name], at.Pos().Offset())
		}
	}
	for _, file := range f.script.files {
		walk(file, func(n syntax.Node) bool {
			s, is := n.(*syntax.Stmt)
			if !is {
				return true
			}
			for _, r := range s.Redirs {
				if isOutput(r) && !f.writtenDown(s) {
					note(r.Word, s)
				}
			}
			if call, is := s.Cmd.(*syntax.CallExpr); is {
				for _, c := range f.commands(call) {
					if w := f.makes(c); w != nil {
						note(w, s)
					}
				}
			}
			return f.steps <= stepLimit
		})
	}
	return made
}

// fileNames are a word as it is written, and the paths that it may be. A name without a directory is a command.
func (f *finder) fileNames(w *syntax.Word, runs bool) (names []string) {
	add := func(name string) {
		if (!runs || strings.ContainsAny(name, "/$`")) && !strings.Contains(name, unknown) && !slices.Contains(names, path.Clean(name)) {
			names = append(names, path.Clean(name))
		}
	}
	add(unquoted(textOf(w)))
	for _, v := range f.values(w) {
		add(v)
	}
	return names
}

func isOutput(r *syntax.Redirect) bool {
	switch r.Op {
	case syntax.RdrOut, syntax.AppOut, syntax.ClbOut, syntax.RdrAll, syntax.AppAll:
		return r.Word != nil && r.Word.Lit() != "/dev/null"
	}
	return false
}

// writtenDown: all that is printed stands there, and none of it is the name of what signals or asks.
func (f *finder) writtenDown(s *syntax.Stmt) bool {
	if s.Cmd == nil || f.saysNothing(s) && !isExec(s) {
		return true
	}
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is || len(call.Args) == 0 || f.functions[call.Args[0].Lit()] != nil {
		return false
	}
	text := literalText(&syntax.CallExpr{Args: call.Args[1:]})
	switch call.Args[0].Lit() {
	case "echo", "printf":
	case "cat":
		text = ""
		for _, r := range s.Redirs {
			if r.Hdoc != nil {
				text = literalText(r.Hdoc)
			}
		}
		if text == "" || len(call.Args) > 1 {
			return false
		}
	default:
		return false
	}
	return !strings.ContainsAny(text, unknown+"\\$`") && !strings.Contains(text, "%s") && !namesOne(text)
}

func isExec(s *syntax.Stmt) bool {
	call, is := s.Cmd.(*syntax.CallExpr)
	return is && len(call.Args) > 0 && call.Args[0].Lit() == "exec"
}

// namesOne: a word of a text is the name of what signals or asks.
func namesOne(text string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(text, func(r rune) bool { return !strings.ContainsRune(nameRunes, r) }), func(word string) bool {
		return slices.Contains(askers, word)
	})
}

// makes is the file that a command makes of others, or of what comes in.
func (f *finder) makes(c command) *syntax.Word {
	switch c.name {
	case "tee":
		if len(c.args) > 0 {
			return c.args[len(c.args)-1]
		}
	case "cp", "install", "ln", "mv":
		if len(c.args) > 1 {
			return c.args[len(c.args)-1]
		}
	case "dd":
		return optionValue(f.source, c.args, "of=", "of")
	case "wget":
		return optionValue(f.source, c.args, "-O", "--output-document")
	case "curl", "uudecode", "gcc", "cc", "openssl":
		return optionValue(f.source, c.args, "-o", "--output")
	}
	return nil
}

// runsMade: a file that the script has made is what it runs here.
func (f *finder) runsMade(s *syntax.Stmt) bool {
	call, is := s.Cmd.(*syntax.CallExpr)
	if !is || len(call.Args) == 0 || len(f.made()) == 0 {
		return false
	}
	return slices.ContainsFunc(f.commands(call), func(c command) bool {
		w := c.word
		switch c.name {
		case ".", "source", "sh", "bash", "dash", "ash", "ksh", "mksh":
			at := slices.IndexFunc(c.args, func(w *syntax.Word) bool { return !strings.HasPrefix(literalStart(w), "-") })
			if at < 0 || f.afterC(c.args) != nil {
				return false
			}
			w = c.args[at]
		}
		if w == nil || f.isPidfile(w) {
			return false
		}
		return slices.ContainsFunc(f.fileNames(w, true), func(name string) bool {
			return slices.ContainsFunc(f.made()[name], func(at uint) bool { return at != s.Pos().Offset() && f.flow().precedes(at, s.Pos().Offset()) })
		})
	})
}
