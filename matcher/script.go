package matcher

import (
	"path/filepath"
	"slices"
	"strings"
)

// Interpreter is what runs a #! script.
type Interpreter struct {
	Path, Real string
	File       Fact[FileID]
	// ViaEnv: named through env(1), so found by the PATH of whoever started the
	// daemon; only its name can be compared.
	ViaEnv bool
	// Wrappers are interpreters on the way that are scripts themselves.
	Wrappers []string
	// Given are the words that #! lines put between the interpreter and the
	// script: `sh` of #!/usr/bin/busybox sh.
	Given []string
}

// interprets reports that exe is the script's interpreter, current or replaced.
func (i *Interpreter) interprets(x Exe) bool {
	if i.File.State == Known && x.ID == i.File.Value {
		return true
	}
	for _, p := range x.paths() {
		if p == i.Path || p == i.Real {
			return true
		}
		// python3 → python3.11, of a virtual environment, or before the link was
		// retargeted. The script's own identity decides, this only where to look.
		if i.named(filepath.Base(p)) {
			return true
		}
	}
	return false
}

// named reports that a base name may be the interpreter's, with a version behind
// it, or that of a wrapper that becomes it (pyenv's python3 is a shell script).
func (i *Interpreter) named(base string) bool {
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

// isInterpreter reports that programs of this base name run any script.
func isInterpreter(base string) bool {
	name := strings.TrimRight(base, "0123456789.")
	return name == "sh" || name == "nodejs" || slices.Contains(interpreters, name)
}

// runsAnother reports that an interpreter which is several programs in one file
// (busybox) was started as another of them: `vi x.sh` runs no script.
func (i *Interpreter) runsAnother(e Evidence) bool {
	name := argv0Base(e.Argv.Value)
	return strings.HasSuffix(filepath.Base(i.Real), "box") && !i.named(name) && !isInterpreter(name)
}

// without drops the words of the #! lines from an interpreter's arguments.
func (i *Interpreter) without(argv []string) []string {
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

// scriptWords are the scriptArguments of a process, less what stands in the
// daemon's own #! line.
func (d Daemon) scriptWords(e Evidence) []string {
	argv := e.Argv.Value
	if d.Script != nil {
		argv = d.Script.without(argv)
	}
	for _, path := range e.Exe.Value.paths() {
		if o, known := optionsOf(filepath.Base(path)); known {
			return o.scriptArguments(argv)
		}
	}
	return scriptArguments(argv)
}

// options are an interpreter's single-letter options, as far as they say where
// its script stands.
type options struct {
	program string // bring the program, or run none: what follows is no script
	value   string // take a value: the rest of the word, or else the next word
	rest    string // take the rest of the word, which may be empty
}

// optionsOf knows the interpreters by their manual pages.
func optionsOf(name string) (options, bool) {
	switch strings.TrimRight(name, "0123456789.") {
	case "sh", "ash", "bash", "dash", "ksh", "zsh":
		return options{program: "cs", value: "oO"}, true
	case "perl":
		return options{program: "ceE", value: "I", rest: "CDFMVimx:"}, true
	case "python":
		return options{program: "cm", value: "WX"}, true
	case "ruby":
		return options{program: "ce", value: "CEIr", rest: "FKTWix"}, true
	case "node", "nodejs":
		return options{program: "cep", value: "Cr"}, true
	case "php":
		return options{program: "BERlrsw", value: "FSTcdtz"}, true
	}
	return options{}, false
}

// bringsProgram reports that after this option no script follows.
func (o options) bringsProgram(word string) bool {
	if o == (options{}) {
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
	o, _ := optionsOf(argv0Base(argv))
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

// splitShebang parses the first line of a file. ok is false when it is no
// script. One argument at most follows the interpreter: Linux passes the rest
// of the line as a single word (fs/binfmt_script.c).
func splitShebang(head []byte) (interpreter, argument string, ok bool) {
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

// script is the rule for daemons that are #! scripts: the interpreter proves
// nothing, the script it was given does.
func script(q question) finding {
	d, e := q.daemon, q.evidence
	switch {
	case d.Script == nil && d.File.State == Absent && q.pidfile.Path != "":
		return removedScript(q)
	case d.Script == nil:
		return no("%s is no script", d.Path)
	case e.Exe.State != Known:
		return no("its executable's path cannot be read")
	case e.Tree == OtherPlace && e.Root != SamePlace && e.Exe.Value.ID.Known() && !d.onDevice(e.Exe.Value.ID.Dev):
		return no("its interpreter is of another mount tree")
	case !d.Script.interprets(e.Exe.Value):
		return no("it runs %s, the script is for %s", e.Exe.Value.Link, d.Script.Path)
	case e.Argv.State == Unread:
		return finding{need: needArgv}
	case d.Script.runsAnother(e):
		return no("%s runs as %s, which runs no script", e.Exe.Value.Link, argv0Base(e.Argv.Value))
	case e.Scripts == nil:
		return finding{need: needScript}
	}
	return d.runs(e)
}

// onDevice reports that the script or its interpreter lies on a filesystem.
func (d Daemon) onDevice(dev uint64) bool { return dev == d.DirDev || dev == d.Script.File.Value.Dev }

// runs judges an interpreter of the daemon's script by the script it was given.
func (d Daemon) runs(e Evidence) finding {
	interpreter := e.Exe.Value.Link
	anyKnown, unresolved := false, ""
	for i, s := range e.Scripts {
		ours := s.File.State == Known && d.File.State == Known && s.File.Value == d.File.Value
		name := filepath.Base(s.Word)
		switch first := i == 0; {
		case ours && slices.Contains(d.OtherNames, name):
			return no("%s runs the script as %s, not as %s", interpreter, name, d.base())
		case ours && d.aliased() && name != d.base() && name != d.realBase():
			return yes(Undecided, FileUnknown, "%s runs the script of %s under the name %q, and it may be several programs", interpreter, d.Path, name)
		case ours && first:
			return yes(Runs, FileUnknown, "%s runs the script %s", interpreter, s.Word)
		case ours:
			return yes(Undecided, FileUnknown, "%s has the argument %s, but may run another script", interpreter, s.Word)
		case s.File.State == Known && first && d.Path != d.Real && d.goesBy(name):
			// A link on the daemon's path may have led to it (current -> releases/1).
			return yes(Undecided, FileUnknown, "%s runs the script %s, which is another file than %s today", interpreter, s.Word, d.Path)
		case s.File.State == Known:
			anyKnown = true
		case d.goesBy(name):
			unresolved = s.Word
		}
	}
	title := fitsNot
	if !anyKnown && unresolved == "" {
		title = d.titled(e.Argv.Value)
	}
	switch {
	case title == fitsWell:
		f := yes(Runs, FileUnknown, "%s runs a script that calls itself %s", interpreter, argv0(e.Argv.Value))
		f.weak = true
		return f
	case title == fitsMaybe:
		return yes(Undecided, FileUnknown, "%s runs a script that calls itself %q", interpreter, argv0(e.Argv.Value))
	case unresolved == "":
		return no("%s runs something else", interpreter)
	// A relative path from a directory it has left since, or a script that
	// cannot be looked at.
	case d.goesBy(e.Comm):
		f := yes(Runs, FileUnknown, "%s runs a script of the name %s", interpreter, e.Comm)
		f.weak = true
		return f
	}
	return yes(Undecided, FileUnknown, "%s runs a script %s, which cannot be found any more", interpreter, unresolved)
}

// titled judges a title that a script has written over argv (setproctitle, Perl's
// $0). The daemon's name or path leads it ("gunicorn: master [app]", "[celeryd:
// worker]") or follows the interpreter ("/usr/bin/python3 /usr/bin/salt-master");
// elsewhere in it, it may be what another script works on.
func (d Daemon) titled(argv []string) fit {
	words := strings.FieldsFunc(argv0(argv), func(r rune) bool { return strings.ContainsRune(" :[](),", r) })
	if len(words) > 1 && d.Script.named(filepath.Base(words[0])) {
		for words = words[1:]; len(words) > 1 && strings.HasPrefix(words[0], "-"); {
			words = words[1:]
		}
	}
	switch {
	case len(words) > 0 && (d.namesPath(words[0]) || d.goesBy(words[0])):
		return fitsWell
	case slices.ContainsFunc(words, func(word string) bool { return d.goesBy(filepath.Base(word)) }):
		return fitsMaybe
	}
	return fitsNot
}

// removedScript: what the file was can no longer be read, but a process that
// was given it as its script still says so.
func removedScript(q question) finding {
	d, e := q.daemon, q.evidence
	if e.Exe.State == Known && e.Argv.State == Unread {
		return finding{need: needArgv}
	}
	x := e.Exe.Value
	for _, word := range d.scriptWords(e) {
		if e.Exe.State == Known && e.Root != OtherPlace && d.namesPath(filepath.Clean(word)) {
			if !slices.ContainsFunc(x.paths(), func(path string) bool { return isInterpreter(filepath.Base(path)) }) {
				return yes(Undecided, FileRemoved, "%s has the argument %s, which does not exist, and may have been no script", x.Link, word)
			}
			f := yes(Runs, FileRemoved, "%s runs the script %s, which has been removed", x.Link, word)
			f.weak = true
			return f
		}
	}
	return no("%s does not exist, and it runs no script of that path", d.Path)
}
