package rules

import (
	"path/filepath"
	"slices"
	"strings"

	"pidproof/matcher/internal/fact"
)

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
