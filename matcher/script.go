package matcher

import (
	"path/filepath"
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
		if strings.HasPrefix(base, filepath.Base(path)) {
			return true
		}
	}
	return false
}

// scriptArguments are the words that may be the script an interpreter was given:
// its first argument that is no option and, as that may be an option's value
// (python3 -W ignore x.py), those that follow such. None after -c, where a
// command would stand.
func scriptArguments(argv []string) []string {
	var out []string
	for i := 1; i < len(argv); i++ {
		word := argv[i]
		switch {
		case word == "" || word == "-":
			return out
		case commandOption(word):
			return out
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
	case e.Tree == OtherPlace && e.Exe.Value.ID.Known() && e.Exe.Value.ID.Dev != d.DirDev:
		return no("its interpreter is of another mount tree")
	case !d.Script.interprets(e.Exe.Value):
		return no("it runs %s, the script is for %s", e.Exe.Value.Link, d.Script.Path)
	case e.Argv.State == Unread:
		return finding{need: needArgv}
	case e.Scripts == nil:
		return finding{need: needScript}
	}
	interpreter := e.Exe.Value.Link
	first, unresolved := true, ""
	for _, s := range e.Scripts {
		ours := s.File.State == Known && d.File.State == Known && s.File.Value == d.File.Value
		switch {
		case ours && first:
			return yes(Runs, FileUnknown, "%s runs the script %s", interpreter, s.Word)
		case ours:
			return yes(Undecided, FileUnknown, "%s has the argument %s, but may run another script", interpreter, s.Word)
		case s.File.State == Known:
			first = false
		case d.goesBy(filepath.Base(s.Word)):
			unresolved = s.Word
		}
	}
	title := argv0Base(e.Argv.Value)
	switch {
	case unresolved == "" && d.goesBy(title):
		// Perl's $0 and setproctitle write over argv and comm.
		f := yes(Runs, FileUnknown, "%s runs a script that calls itself %s", interpreter, title)
		f.weak = true
		return f
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

// removedScript: what the file was can no longer be read, but a process that
// was given it as its script still says so.
func removedScript(q question) finding {
	d, e := q.daemon, q.evidence
	if e.Exe.State == Known && e.Argv.State == Unread {
		return finding{need: needArgv}
	}
	for _, word := range scriptArguments(e.Argv.Value) {
		if e.Exe.State == Known && e.Root != OtherPlace && d.namesPath(filepath.Clean(word)) {
			f := yes(Runs, FileRemoved, "%s runs the script %s, which has been removed", e.Exe.Value.Link, word)
			f.weak = true
			return f
		}
	}
	return no("%s does not exist, and it runs no script of that path", d.Path)
}
