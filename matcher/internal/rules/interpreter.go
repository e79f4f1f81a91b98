package rules

import (
	"path/filepath"
	"slices"
	"strings"

	"pidproof/matcher/internal/fact"
)

// interpreters are what any script runs under.
var interpreters = []string{"sh", "ash", "bash", "dash", "ksh", "mksh", "yash", "zsh", "perl", "python", "ruby", "php", "node", "nodejs", "java", "lua", "tclsh", "busybox",
	"pypy", "luajit", "wish", "expect", "guile", "mono", "dotnet", "deno", "bun", "beam.smp"}

// Interpreter is what runs a #! script, or a program that the kernel does not execute itself.
type Interpreter struct {
	Program    bool // it is no script, see Format
	Path, Real string
	File       fact.Fact[fact.FileID]
	// ViaEnv: named through env(1), so found by the PATH of whoever started the
	// daemon; only its name can be compared.
	ViaEnv bool
	// Wrappers are interpreters on the way that are scripts themselves.
	Wrappers []string
	// Given are the words that #! lines put between the interpreter and the
	// script: `sh` of #!/usr/bin/busybox sh.
	Given []string
	// Emulated is the interpreter of the #! line, where the kernel has this one run it in
	// turn, see Format: everything else here is about the process's executable.
	Emulated *Interpreter
}

// Interprets reports that exe is the script's interpreter, current or replaced.
func (i *Interpreter) Interprets(x fact.Exe) bool {
	if i.File.State == fact.Known && x.ID == i.File.Value {
		return true
	}
	return slices.ContainsFunc(PathsOf(x), i.LiesAt)
}

// LiesAt reports that a path may be the interpreter's: python3 → python3.11, of a virtual
// environment, or before the link was retargeted. The script's own identity decides, this
// only where to look.
func (i *Interpreter) LiesAt(path string) bool {
	return path == i.Path || path == i.Real || i.Named(filepath.Base(path))
}

// Named reports that a base name may be the interpreter's, with a version behind
// it, or that of a wrapper that becomes it (pyenv's python3 is a shell script).
func (i *Interpreter) Named(base string) bool {
	for _, path := range append([]string{i.Path, i.Real}, i.Wrappers...) {
		if rest, found := strings.CutPrefix(base, filepath.Base(path)); found && isVersion(rest) {
			return true
		}
	}
	return false
}

// isVersion: nothing, or ".11", "3.7m", "-3.2": shellcheck is no version of sh.
func isVersion(s string) bool {
	return s == "" || strings.ContainsAny(s[:1], "0123456789.-") && strings.Trim(s, "0123456789.-dmt") == ""
}

// IsInterpreter reports that programs of this base name run any script.
func IsInterpreter(base string) bool {
	return slices.Contains(interpreters, strings.TrimRight(base, "0123456789."))
}

// RunsScripts reports that the file that a process runs is such a program.
func RunsScripts(x fact.Exe) bool {
	return slices.ContainsFunc(PathsOf(x), func(path string) bool { return IsInterpreter(filepath.Base(path)) })
}

// RunsAnything reports that what runs such a file has nothing in common: interpreters,
// busybox.
func (d Daemon) RunsAnything() bool {
	return IsInterpreter(d.Base()) || strings.HasSuffix(d.Base(), "box")
}

// runsAnother reports that an interpreter which is several programs (busybox) was started
// as another of them: `vi x.sh` runs no script.
func (i *Interpreter) runsAnother(e fact.Evidence) bool {
	name := Argv0Base(e.Argv.Value)
	return i.isSeveral() && !i.Named(name) && !IsInterpreter(name)
}

// isSeveral reports that the interpreter is several programs in one file. One of them calls
// another by /proc/self/exe, whatever its own name is: `env sh x` of busybox.
func (i *Interpreter) isSeveral() bool { return strings.HasSuffix(filepath.Base(i.Real), "box") }

// without drops the words of the #! lines from an interpreter's arguments, and what they
// owe to its emulator.
func (i *Interpreter) without(argv []string) []string {
	if i.Emulated != nil {
		return i.Emulated.without(i.Emulated.asExecuted(argv))
	}
	if len(argv) == 0 {
		return nil
	}
	rest := argv[1:]
	for _, word := range i.Given {
		if len(rest) > 0 && rest[0] == word {
			rest = rest[1:]
		}
	}
	return append(argv[:1:1], rest...)
}

// asExecuted are the arguments that the interpreter was executed with: the kernel has put its
// emulator before them, and its path in place of the first or, with the flag P, before that, too.
func (i *Interpreter) asExecuted(argv []string) []string {
	if len(argv) < 2 {
		return argv
	}
	called := len(argv) > 2 && (argv[2] == argv[1] || filepath.Base(argv[2]) == argv[2] && i.Named(argv[2])) // env(1) gives it no path
	switch {
	case called && (i.LiesAt(argv[1]) || i.isSeveral()):
		return argv[2:]
	case i.LiesAt(argv[1]):
		return argv[1:]
	}
	return argv
}

// SplitShebang parses the first line of a file. ok is false when it is no
// script. One argument at most follows the interpreter: Linux passes the rest
// of the line as a single word (fs/binfmt_script.c).
func SplitShebang(head []byte) (interpreter, argument string, ok bool) {
	rest, found := strings.CutPrefix(string(head), "#!")
	if !found {
		return "", "", false
	}
	line, _, _ := strings.Cut(rest, "\n")
	line, _, _ = strings.Cut(line, "\x00")
	line = strings.Trim(line, " \t\r")
	interpreter, argument, _ = strings.Cut(line, " ")
	if i := strings.IndexByte(interpreter, '\t'); i >= 0 {
		interpreter, argument = line[:i], line[i+1:]
	}
	return interpreter, strings.TrimLeft(argument, " \t"), interpreter != ""
}

// EnvProgram is the program in env's single argument: `python3`, or with
// `env -S` the first word that is neither an option nor an assignment; given are
// the words behind it.
func EnvProgram(argument string) (program string, given []string) {
	words := strings.Fields(argument)
	for i, word := range words {
		if !strings.HasPrefix(word, "-") && !strings.Contains(word, "=") {
			return word, words[i+1:]
		}
	}
	return argument, nil
}
