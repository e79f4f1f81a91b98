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

// RunsAnything reports that what runs such a file has nothing in common: interpreters,
// busybox.
func (d Daemon) RunsAnything() bool {
	return IsInterpreter(d.Base()) || strings.HasSuffix(d.Base(), "box")
}

// runsAnother reports that an interpreter which is several programs in one file
// (busybox) was started as another of them: `vi x.sh` runs no script.
func (i *Interpreter) runsAnother(e fact.Evidence) bool {
	name := Argv0Base(e.Argv.Value)
	return strings.HasSuffix(filepath.Base(i.Real), "box") && !i.Named(name) && !IsInterpreter(name)
}

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
	if len(argv) < 2 || !i.LiesAt(argv[1]) {
		return argv
	}
	argv = argv[1:]
	if len(argv) > 1 && (argv[1] == argv[0] || filepath.Base(argv[1]) == argv[1] && i.Named(argv[1])) { // env(1) gives it no path
		argv = argv[1:]
	}
	return argv
}

// ScriptWords are the scriptArguments of a process, less what stands in the
// daemon's own #! line.
func (d Daemon) ScriptWords(e fact.Evidence) []string {
	argv := e.Argv.Value
	if d.Script != nil {
		argv = d.Script.without(argv)
	}
	for _, path := range PathsOf(e.Exe.Value) {
		if o, known := optionsOf(filepath.Base(path)); known {
			return o.scriptArguments(argv)
		}
	}
	return scriptArguments(argv)
}

// options are an interpreter's single-letter options, as far as they say where
// its script stands.
type options struct {
	program string   // bring the program, or run none: what follows is no script
	value   string   // take a value: the rest of the word, or else the next word
	rest    string   // take the rest of the word, which may be empty
	long    []string // take the next word
}

// optionsOf knows the interpreters by their manual pages.
func optionsOf(name string) (options, bool) {
	switch strings.TrimRight(name, "0123456789.") {
	case "sh", "ash", "bash", "dash", "ksh", "zsh":
		return options{program: "cs", value: "oO", long: []string{"--rcfile", "--init-file"}}, true
	case "perl":
		return options{program: "ceE", value: "I", rest: "CDFMVimx:"}, true
	case "python":
		return options{program: "cm", value: "WX", long: []string{"--check-hash-based-pycs"}}, true
	case "ruby":
		return options{program: "ce", value: "CEIr", rest: "FKTWix"}, true
	case "node", "nodejs":
		return options{program: "cep", value: "Cr", long: []string{"--require", "--import", "--loader", "--experimental-loader",
			"--env-file", "--conditions", "--title", "--input-type", "--icu-data-dir", "--openssl-config"}}, true
	case "php":
		return options{program: "BERlrsw", value: "FSTcdtz"}, true
	}
	return options{}, false
}

// bringsProgram reports that after this option no script follows.
func (o options) bringsProgram(word string) bool {
	if o.program == "" {
		return commandOption(word)
	}
	if strings.HasPrefix(word, "--") { // node's, php's
		name, _, _ := strings.Cut(word, "=")
		return slices.Contains([]string{"--eval", "--print", "--check", "--run", "--syntax-check"}, name)
	}
	letter, _ := o.lastLetter(word)
	return letter != 0 && strings.ContainsRune(o.program, letter)
}

// takesNext reports that the next word is this option's value.
func (o options) takesNext(word string) bool {
	if slices.Contains(o.long, word) {
		return true
	}
	if letters, plus := strings.CutPrefix(word, "+"); plus { // sh's +o
		word = "-" + letters
	}
	letter, ends := o.lastLetter(word)
	return ends && strings.ContainsRune(o.value, letter)
}

// lastLetter is the first letter of an option word behind which there can be no
// other, and whether the word ends with it: perl's -we takes a program, its
// -MPOSIX a module; 0 if there is none.
func (o options) lastLetter(word string) (letter rune, ends bool) {
	letters, isOption := strings.CutPrefix(word, "-")
	if !isOption || strings.HasPrefix(letters, "-") {
		return 0, false
	}
	at := strings.IndexAny(letters, o.program+o.value+o.rest)
	if at < 0 {
		return 0, false
	}
	return rune(letters[at]), at == len(letters)-1
}

// scriptArguments are the words that may be the script an interpreter was given:
// its first argument that is no option and, as that may be an option's value
// (php --ini x x.php), those that follow such. None after -c, where a command
// would stand.
func scriptArguments(argv []string) []string {
	o, _ := optionsOf(Argv0Base(argv))
	return o.scriptArguments(argv)
}

func (o options) scriptArguments(argv []string) []string {
	var out []string
	for i := 1; i < len(argv); i++ {
		word := argv[i]
		switch {
		case word == "" || word == "-":
			return out
		case o.bringsProgram(word):
			return out
		case o.takesNext(word):
			i++
			continue
		case strings.HasPrefix(word, "-") || strings.HasPrefix(word, "+"):
			continue
		}
		out = append(out, word)
		if i == 1 || !strings.HasPrefix(argv[i-1], "-") && !strings.HasPrefix(argv[i-1], "+") {
			return out
		}
	}
	return out
}

// commandOption: -c, or letters that end in it (sh -ec).
func commandOption(word string) bool {
	letters, isOption := strings.CutPrefix(word, "-")
	return isOption && strings.HasSuffix(letters, "c") && len(letters) <= 4 &&
		strings.Trim(letters, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
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
