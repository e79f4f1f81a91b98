package rules

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"pidproof/matcher/internal/fact"
)

// script is the rule for daemons that are #! scripts: the interpreter proves
// nothing, the script it was given does.
func script(q Question) finding {
	d, e := q.Daemon, q.Evidence
	switch {
	case d.Script == nil && d.File.State == fact.Absent && q.Pidfile.Path != "":
		return removedScript(q)
	case d.Script == nil && d.Unread != nil:
		return no("what interprets %s, if anything does, cannot be read", d.Path)
	case d.Script == nil && q.Pidfile.Path == "":
		return formerScript(q)
	case d.Script == nil:
		return no("%s is no script", d.Path)
	case e.Exe.State != fact.Known:
		return no("its executable's path cannot be read")
	case e.Tree == fact.OtherPlace && (e.UserNS == fact.OtherPlace || e.Root != fact.SamePlace && e.Exe.Value.ID.Known() && !d.onDevice(e.Exe.Value.ID.Dev)):
		return no("its interpreter is of another mount tree")
	case !d.Script.Interprets(e.Exe.Value) && q.Pidfile.Path == "":
		return formerScript(q)
	case !d.Script.Interprets(e.Exe.Value):
		return no("it runs %s, the script is for %s", e.Exe.Value.Link, d.Script.Path)
	case e.Argv.State == fact.Unread:
		return finding{need: NeedArgv}
	case e.Argv.State == fact.Unreadable:
		return yes(Undecided, FileUnknown, "it runs %s, but which script cannot be read (%s)", e.Exe.Value.Link, fact.Plain(e.Argv.Err))
	case d.Script.runsAnother(e):
		return no("%s runs as %s, which runs no script", e.Exe.Value.Link, Argv0Base(e.Argv.Value))
	case e.Scripts == nil:
		return finding{need: NeedScript}
	}
	f := d.runs(e)
	if f.outcome == Runs {
		f.file = d.Script.stateOf(e.Exe.Value)
	}
	return f
}

// stateOf compares the interpreter that runs with the one on disk. Which version of the
// script it has read, nobody knows, so it is never current.
func (i *Interpreter) stateOf(x fact.Exe) FileState {
	switch {
	case !marked(x) || x.ID.Known() && x.ID == i.File.Value:
		return FileUnknown
	case i.File.State == fact.Known:
		return FileReplaced
	case i.File.State == fact.Absent:
		return FileRemoved
	}
	return FileUnknown
}

// onDevice reports that the script or its interpreter lies on a filesystem.
func (d Daemon) onDevice(dev uint64) bool { return dev == d.DirDev || dev == d.Script.File.Value.Dev }

// runs judges an interpreter of the daemon's script by the script it was given.
func (d Daemon) runs(e fact.Evidence) finding {
	interpreter := e.Exe.Value.Link
	anyKnown, unresolved := false, ""
	for i, s := range e.Scripts {
		ours := s.File.State == fact.Known && d.File.State == fact.Known && s.File.Value == d.File.Value
		name := filepath.Base(s.Word)
		switch first := i == 0; {
		case ours && slices.Contains(d.OtherNames, name):
			return no("%s runs the script as %s, not as %s", interpreter, name, d.Base())
		case ours && d.Aliased() && name != d.Base() && name != d.RealBase():
			return yes(Undecided, FileUnknown, "%s runs the script of %s under the name %q, and it may be several programs", interpreter, d.Path, name)
		case ours && first:
			return yes(Runs, FileUnknown, "%s runs the script %s", interpreter, s.Word)
		case ours:
			return yes(Undecided, FileUnknown, "%s has the argument %s, but may run another script", interpreter, s.Word)
		case s.File.State == fact.Known && first && d.Path != d.Real && d.GoesBy(name):
			// A link on the daemon's path may have led to it (current -> releases/1).
			return yes(Undecided, FileUnknown, "%s runs the script %s, which is another file than %s today", interpreter, s.Word, d.Path)
		case s.File.State == fact.Known:
			anyKnown = true
		case d.GoesBy(name), fact.Unforeseen(s.File.Err) != nil && !errors.Is(s.File.Err, fact.ErrMayHang):
			unresolved = s.Word
		}
	}
	title := fitsNot
	if !anyKnown && unresolved == "" {
		title = d.titled(e.Argv.Value)
	}
	switch {
	case title == fitsWell:
		f := yes(Runs, FileUnknown, "%s runs a script that calls itself %s", interpreter, Argv0(e.Argv.Value))
		f.weak = true
		return f
	case title == fitsMaybe:
		return yes(Undecided, FileUnknown, "%s runs a script that calls itself %q", interpreter, Argv0(e.Argv.Value))
	case unresolved == "":
		return no("%s runs something else", interpreter)
	// A relative path from a directory it has left since, or a script that
	// cannot be looked at.
	case d.GoesBy(e.Comm):
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
	words := strings.FieldsFunc(Argv0(argv), func(r rune) bool { return strings.ContainsRune(" :[](),", r) })
	if len(words) > 1 && d.Script.Named(filepath.Base(words[0])) {
		for words = words[1:]; len(words) > 1 && strings.HasPrefix(words[0], "-"); {
			words = words[1:]
		}
	}
	switch {
	case len(words) > 0 && (d.NamesPath(words[0]) || d.GoesBy(words[0])):
		return fitsWell
	case slices.ContainsFunc(words, func(word string) bool { return d.GoesBy(filepath.Base(word)) }):
		return fitsMaybe
	}
	return fitsNot
}

// removedScript: what the file was can no longer be read, but a process that
// was given it as its script still says so.
func removedScript(q Question) finding {
	d, e := q.Daemon, q.Evidence
	if e.Exe.State == fact.Known && e.Argv.State == fact.Unread {
		return finding{need: NeedArgv}
	}
	x := e.Exe.Value
	for _, word := range d.ScriptWords(e) {
		if e.Exe.State == fact.Known && e.Root != fact.OtherPlace && d.NamesPath(filepath.Clean(word)) {
			if !slices.ContainsFunc(PathsOf(x), func(path string) bool { return IsInterpreter(filepath.Base(path)) }) {
				return yes(Undecided, FileRemoved, "%s has the argument %s, which does not exist, and may have been no script", x.Link, word)
			}
			f := yes(Runs, FileRemoved, "%s runs the script %s, which has been removed", x.Link, word)
			f.weak = true
			return f
		}
	}
	return no("%s does not exist, and it runs no script of that path", d.Path)
}

// formerScript: no pidfile says whose the number was, but an interpreter that is not the one
// of today was given the daemon's path as its script. The script was moved or removed, or an
// upgrade has brought one for another interpreter, or a program in its place. That is heeded of
// root's and the owner's own processes only: what it was given anybody may say of his, and
// nothing could be started or stopped for it.
func formerScript(q Question) finding {
	d, e := q.Daemon, q.Evidence
	x := e.Exe.Value
	switch {
	case e.Exe.State != fact.Known || e.Tree == fact.OtherPlace && e.UserNS != fact.SamePlace || e.Root == fact.OtherPlace || !RunsScripts(x):
		return no("it runs no script")
	case !isRoots(e) && (e.UID != e.EUID || e.UID != d.Owner):
		return no("it is uid %d's, who may have given it anything", e.UID)
	case d.Script == nil && d.File.State == fact.Known && d.Changed.Before(e.Started):
		return no("%s was no script when it started", d.Path)
	case e.Argv.State == fact.Unread:
		return finding{need: NeedArgv}
	}
	is := yes(Undecided, FileUnknown, "%s was given %s, which may have been its script", x.Link, d.CalledAs(e))
	if not := no("%s was not given %s", x.Link, d.Path); d.maybeCalledBeside(e) {
		return d.calledBeside(e, not, is)
	} else if !d.NamesPath(filepath.Clean(d.CalledAs(e))) {
		return not
	}
	return is
}
