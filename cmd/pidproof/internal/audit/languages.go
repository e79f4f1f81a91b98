package audit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A program for another language that stands in a script can do all that the script can, and says so in its own words.

var (
	interpreter = pattern(`^(perl[0-9.]*|python[0-9.]*|pypy[0-9.]*|ruby[0-9.]*|lua[0-9.]*|luajit|[gm]?awk|original-awk|php[0-9.]*|node|nodejs|tclsh[0-9.]*|wish|expect|guile|ed|ex|vim?|emacs)$`)
	// actsOnProcess: a pidfile, the name of what signals or asks, or a library that does.
	actsOnProcess = pattern(`[A-Za-z0-9_*$}\x00-]\.pids?([^A-Za-z0-9_(]|$)|(^|[^A-Za-z0-9_$-])(kill(all5?|pg)?|pkill|skill|pidof|pgrep|pidfd_[a-z_]+|psutil|ProcessTable|process_iter)([^A-Za-z0-9_]|$)|/proc/["'$%{+. ]`)
	// literalRun is another program that is written down, which is looked at as any text is.
	literalRun = pattern(`[a-z_.]*(system|exec|popen|run|call|check_output|check_call|Popen)[23]? *\(? *("[^"$\\+\x00]*"|'[^'$\\+\x00]*') *\)|\x60[^\x60$\x00]*\x60|qx *[{(/!][^$\x00})/!]*[})/!]`)
	otherRun   = pattern(`(^|[^A-Za-z0-9_$])(system|exec[lv]?[pe]*|popen[23]?|Popen|spawn[lv]?[pe]*|subprocess\.[a-z_]+|check_output|check_call|qx) *[("'{/!\[$@]|\x60|\| *"(/bin/)?(ba|da)?sh["' ]`)
)

// otherLanguage: a command is given a program of another language that acts on processes or pidfiles, or runs what it
// makes up.
func (f *finder) otherLanguage(s *syntax.Stmt, call *syntax.CallExpr) bool {
	return slices.ContainsFunc(f.commands(call), func(c command) bool {
		if !interpreter.Compiled().MatchString(c.name) {
			return false
		}
		if !quietReader.Compiled().MatchString(c.name) && slices.ContainsFunc(c.args, f.isPidfile) && f.hasProgram(s, c) {
			return true
		}
		for _, w := range c.args {
			if text := literalText(w); strings.ContainsAny(text, " \t\n(;{'\"`") && actsInText(text) {
				return true
			}
		}
		return slices.ContainsFunc(s.Redirs, func(r *syntax.Redirect) bool {
			return r.Hdoc != nil && actsInText(literalText(r.Hdoc)) || r.Op == syntax.WordHdoc && r.Word != nil && actsInText(literalText(r.Word))
		})
	})
}

// quietReader: awk has a pidfile to read it.
var quietReader = pattern(`awk$`)

// actsOnFile: it does more than print what it reads.
var actsOnFile = pattern(`unlink|open|remove|delete|truncate|rename|write|ARGV|argv|shift`)

// hasProgram: the program stands in the script, in an argument or a here-document.
func (f *finder) hasProgram(s *syntax.Stmt, c command) bool {
	if slices.ContainsFunc(s.Redirs, func(r *syntax.Redirect) bool { return r.Hdoc != nil || r.Op == syntax.WordHdoc }) {
		return true
	}
	return slices.ContainsFunc(c.args, func(w *syntax.Word) bool {
		text := literalText(w)
		return strings.ContainsAny(text, " ;(") && actsOnFile.Compiled().MatchString(text)
	})
}

func actsInText(text string) bool {
	return actsOnProcess.Compiled().MatchString(text) || otherRun.Compiled().MatchString(literalRun.Compiled().ReplaceAllString(text, ""))
}
