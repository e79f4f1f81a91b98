package rules

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"pidproof/matcher/internal/fact"
)

// Question is what Decide answers: does this process, which this pidfile names,
// run this daemon? In a scan there is no pidfile (Path is ""), and the rules
// that need its word do not apply.
type Question struct {
	Daemon   Daemon // none (unnamed) where start-stop-daemon was given no --exec
	Criteria Criteria
	Pidfile  Pidfile
	Evidence fact.Evidence
}

// finding is what one rule made of a question.
type finding struct {
	applies bool
	outcome Outcome
	weak    bool
	file    FileState
	why     string
	need    FactSet // nonzero: ask again with these facts
}

func no(format string, args ...any) finding {
	return finding{why: fmt.Sprintf(format, args...)}
}

func yes(o Outcome, file FileState, format string, args ...any) finding {
	return finding{applies: true, outcome: o, file: file, why: fmt.Sprintf(format, args...)}
}

type identityRule struct {
	rule  Rule
	apply func(Question) finding
	when  func(Question) bool // nil: always; a rule that nobody asked for is not shown
}

// identityRules are tried in this order; the first that applies decides.
var identityRules = []identityRule{
	{rule: RuleGone, apply: gone},
	{rule: RuleForeign, apply: foreign},
	{RuleCriteria, criteria, func(q Question) bool { return q.Criteria.further() }},
	{RuleNumber, number, func(q Question) bool { return q.Daemon.Unnamed() }},
	{rule: RuleSameFile, apply: sameFile},
	{rule: RuleReplaced, apply: replaced},
	{rule: RuleScript, apply: script},
	{rule: RuleLocked, apply: locked},
	{rule: RuleStartedAs, apply: startedAs},
	{rule: RuleWrapper, apply: wrapper, when: func(q Question) bool { return q.Pidfile.Path != "" }},
	{rule: RuleUnreadable, apply: unreadable},
	{rule: RuleBecame, apply: became},
	{rule: RuleContradicted, apply: contradicted},
	{rule: RuleMismatch, apply: mismatch},
}

// Decide is pure: no I/O, no clock. When a rule needs a fact that was not read
// yet, the decision says which (need), and nothing else in it counts.
func Decide(q Question) Decision {
	var d Decision
	for _, r := range identityRules {
		if r.when != nil && !r.when(q) {
			continue
		}
		f := r.apply(q)
		if f.need != 0 {
			return Decision{Need: f.need}
		}
		d.Steps = append(d.Steps, Step{r.rule, f.applies, f.why})
		if f.applies {
			d.Rule, d.Outcome, d.Weak, d.File, d.Why = r.rule, f.outcome, f.weak, f.file, f.why
			break
		}
	}
	if q.Pidfile.Path != "" && d.Outcome != NotThis {
		return ownership(q, d)
	}
	return d
}

func gone(q Question) finding {
	switch e := q.Evidence; e.Life {
	case fact.Gone:
		return yes(NotThis, FileUnknown, "no process has the number %d", e.PID)
	case fact.Thread:
		return yes(NotThis, FileUnknown, "%d is the number of a thread, not of a process", e.PID)
	case fact.Zombie:
		return yes(NotThis, FileUnknown, "%d is a zombie: it has ended, its parent (%d) has not collected it", e.PID, e.PPID)
	case fact.Ending:
		return yes(NotThis, FileUnknown, "%d is ending: it runs no program any more", e.PID)
	case fact.Hidden:
		return no("%d exists, but /proc hides it", e.PID)
	default:
		return no("%d lives (state %s)", e.PID, e.State)
	}
}

func foreign(q Question) finding {
	d, e := q.Daemon, q.Evidence
	if e.PIDNS == fact.OtherPlace {
		return yes(NotThis, FileUnknown, "it lives in another PID namespace, as in a container")
	}
	x := e.Exe.Value
	switch {
	case e.Exe.State != fact.Known || !AtPathOf(x, d) || x.ID.Known() && x.ID == d.File.Value:
		return no("it lives in our PID namespace")
	case e.Outside:
		return yes(NotThis, FileUnknown, "it has another root directory, where %s is another file", x.Link)
	case e.Tree != fact.OtherPlace:
		return no("it lives in our mount tree")
	case e.UserNS == fact.OtherPlace:
		// Whoever makes a user namespace may mount there what he likes, user_namespaces(7).
		return yes(NotThis, FileUnknown, "it has its own mount tree, of another user namespace, where %s may be any file", x.Link)
	case !x.ID.Known():
		return no("it has its own mount tree, and its file cannot be compared")
	case e.Filesystem.State == fact.Unread:
		return finding{need: NeedFilesystem}
	case e.Filesystem.State != fact.Known:
		return no("it has its own mount tree, and its file system cannot be compared (%s)", fact.Plain(e.Filesystem.Err))
	case e.Filesystem.Value == fact.SamePlace:
		return no("it has its own mount tree, but its file is on the same filesystem")
	}
	return yes(NotThis, FileUnknown, "its %s is of another mount tree, on another filesystem", x.Link)
}

func sameFile(q Question) finding {
	d, e := q.Daemon, q.Evidence
	switch {
	case e.Exe.State != fact.Known || !e.Exe.Value.ID.Known():
		return no("its executable's inode cannot be read")
	case d.File.State == fact.Absent:
		return no("%s does not exist", d.Path)
	case d.File.State != fact.Known:
		return no("%s cannot be read", d.Path)
	case e.Exe.Value.ID != d.File.Value:
		return no("its executable is %v, %s is %v", e.Exe.Value.ID, d.Path, d.File.Value)
	}
	if d.Aliased() {
		return underAFittingName(q, yes(Runs, FileCurrent, "its executable is the very file %s, which %s is a link to", d.Real, d.Path))
	}
	return underAFittingName(q, yes(Runs, FileCurrent, "its executable is the very file %s", d.Real))
}

// underAFittingName lets f stand if the process was started under a name that fits
// the daemon's path, where one file may be several programs.
func underAFittingName(q Question, f finding) finding {
	d, e := q.Daemon, q.Evidence
	if (d.Aliased() || d.Links > 1) && e.Argv.State == fact.Unread {
		return finding{need: NeedArgv}
	}
	switch d.ranAs(e.Exe.Value, e.Comm, e.Argv.Value) {
	case fitsNot:
		return no("it runs the file of %s, but under another name (%q)", d.Path, Argv0Base(e.Argv.Value))
	case fitsMaybe:
		return yes(Undecided, f.file, "it runs the file of %s under the name %q, and the file may be several programs", d.Path, Argv0Base(e.Argv.Value))
	}
	// Of an interpreter there are many processes, and a number that was recycled
	// may be any of them.
	f.weak = q.Pidfile.Path != "" && IsInterpreter(d.Base())
	return f
}

func replaced(q Question) finding {
	d, e := q.Daemon, q.Evidence
	if e.Exe.State != fact.Known {
		return no("its executable's path cannot be read")
	}
	x, beside := e.Exe.Value, d.maybeBeside(e)
	switch {
	case beside && e.Beside.State == fact.Unread:
		return finding{need: NeedBeside}
	case beside && e.Beside.State == fact.Unreadable:
		return yes(Undecided, FileUnknown, "whether its %s lay beside %s cannot be read (%s)", x.Link, d.Path, fact.Plain(e.Beside.Err))
	case !AtPathOf(x, d) && !(beside && e.Beside.Value):
		return no("its executable is %s", x.Link)
	case x.ID.Known() && x.ID == d.File.Value:
		return no("it runs the file of today")
	case e.Filesystem.State == fact.Unread:
		return finding{need: NeedFilesystem}
	case e.Filesystem.State == fact.Absent:
		return no("it did not reach %s through a mount of its own tree, so its path says nothing", x.Link)
	case e.Filesystem.State != fact.Known && e.Tree == fact.SamePlace:
		return yes(Undecided, FileUnknown, "whether its %s is of our mount tree cannot be read (%s)", x.Link, fact.Plain(e.Filesystem.Err))
	case e.Filesystem.State != fact.Known:
		return no("it has its own mount tree, and its file cannot be compared")
	case e.Filesystem.Value != fact.SamePlace:
		return no("its mount tree is %s, and its %s is on another filesystem", e.Tree, x.Link)
	case !marked(x) && x.ID.Known() && e.Tree == fact.SamePlace:
		// As after `umount -l`: the kernel would say " (deleted)" of a file that
		// was replaced.
		return yes(Undecided, FileUnknown, "it runs another file that seems to lie at %s too", x.Link)
	case !marked(x) && x.ID.Known() && q.Pidfile.Path == "":
		// Anybody can mount what he likes over a path in a namespace of his own.
		return no("its mount tree has another file at %s", x.Link)
	case !marked(x) && x.ID.Known():
		return yes(Undecided, FileUnknown, "its mount tree has another file at %s", x.Link)
	case d.File.State == fact.Absent:
		return underAFittingName(q, yes(Runs, FileRemoved, "it runs %s, which has been removed", d.Real))
	}
	if d.File.State != fact.Known {
		return underAFittingName(q, yes(Runs, FileUnknown, "it runs a file of that path, and what lies there now cannot be read"))
	}
	return underAFittingName(q, yes(Runs, FileReplaced, "it runs the %s of before it was replaced", d.Real))
}

func locked(q Question) finding {
	d, e := q.Daemon, q.Evidence
	bears := Bears(e.Comm, d.Base())
	switch {
	case q.Pidfile.Path == "":
		return no("no pidfile speaks for it")
	case e.Life == fact.Hidden || e.Kernel:
		return no("nothing is known of its locks")
	case e.Tree == fact.OtherPlace:
		return no("it has another mount tree")
	case !bears && e.Argv.State == fact.Unread:
		return finding{need: NeedArgv}
	case !bears && e.Argv.State != fact.Unreadable && Argv0Base(e.Argv.Value) != d.Base():
		return no("its name is %q", e.Comm) // its locks are not asked for: there may be as many as it likes
	case e.Locks.State == fact.Unread:
		return finding{need: NeedLocks}
	case e.Locks.State == fact.Known && !e.Locks.Value:
		return no("it holds no lock on the pidfile")
	case e.Locks.State == fact.Absent:
		return no("there is no table of locks")
	case e.Locks.State != fact.Known && !bears && e.Argv.State == fact.Unreadable:
		return no("the table of locks cannot be read, and its name is %q", e.Comm)
	case e.Locks.State != fact.Known:
		return yes(Undecided, FileUnknown, "it bears the name %s, and whether it locks the pidfile cannot be read (%s)", d.Base(), fact.Plain(e.Locks.Err))
	case !bears && e.Argv.State == fact.Unreadable:
		return yes(Undecided, FileUnknown, "it locks the pidfile, and what it was started as cannot be read (%s)", fact.Plain(e.Argv.Err))
	}
	return yes(Runs, FileUnknown, "it holds a lock on the pidfile and bears the name %s", d.Base())
}

func startedAs(q Question) finding {
	d, e := q.Daemon, q.Evidence
	switch {
	case e.Exe.State != fact.Known:
		return no("its executable's path cannot be read")
	case d.File.State == fact.Unreadable:
		return no("%s cannot be read", d.Path)
	case d.Script != nil && d.Script.Interprets(e.Exe.Value):
		return no("it is an interpreter of another script")
	case e.Root == fact.OtherPlace, e.Tree != fact.SamePlace && (q.Pidfile.Path != "" || e.Tree == fact.PlaceUnknown || e.UserNS != fact.SamePlace):
		return no("it has another mount tree or root directory")
	case e.Tree == fact.OtherPlace && e.Filesystem.State == fact.Unread: // as with systemd's PrivateTmp
		return finding{need: NeedFilesystem}
	case e.Tree == fact.OtherPlace && e.Filesystem.State == fact.Known && e.Filesystem.Value != fact.SamePlace:
		return no("it has another mount tree, and its file is on another filesystem")
	case e.Filesystem.State == fact.Absent:
		return no("it did not reach its executable through a mount of its own tree")
	case e.Argv.State == fact.Unread:
		return finding{need: NeedArgv}
	case q.Pidfile.Path == "":
		return perhapsMoved(q)
	}
	itsPath := d.NamesPath(filepath.Clean(Argv0(e.Argv.Value)))
	if !d.GoesBy(e.Comm) {
		return no("its name is %q", e.Comm)
	}
	if ok, why := q.Pidfile.Vouches(e.UID, e.EUID); !ok {
		return no("%s", why)
	}
	if !itsPath {
		return no("it was not started as %s", d.Path)
	}
	file := FileReplaced
	switch d.File.State {
	case fact.Absent: // moved away, and nothing came in its place: a restart would only stop it
		file = FileRemoved
	case fact.Unreadable:
		file = FileUnknown
	}
	f := yes(Runs, file, "it was started as %s; that file is now %s", d.Path, e.Exe.Value.Link)
	f.weak = true
	return f
}

// perhapsMoved is started-as where no pidfile speaks for the process. What it says of
// itself anybody can say, so the file has to speak, too: it is root's or the daemon's
// owner's, and was changed since the process started, as a rename changes it.
func perhapsMoved(q Question) finding {
	d, e := q.Daemon, q.Evidence
	argv, x := e.Argv.Value, e.Exe.Value
	switch word := Argv0(argv); {
	case e.Argv.State == fact.Unreadable:
	case filepath.IsAbs(word) && !d.maybeCalledBeside(e) && !d.NamesPath(filepath.Clean(word)):
		return no("it was started as %s", word)
	case !filepath.IsAbs(word) && (Argv0Base(argv) != d.Base() && Argv0Base(argv) != d.RealBase() || !d.GoesBy(e.Comm)):
		return no("it was not started as %s", d.Base())
	case IsInterpreter(filepath.Base(PathsOf(x)[0])):
		return no("it is an interpreter, whatever it was started as")
	}
	switch {
	case e.File.State == fact.Unread:
		return finding{need: NeedFile}
	case e.File.State != fact.Known:
		is := yes(Undecided, FileUnknown, "it may have been started as %s, and its file cannot be read (%s)", d.Path, fact.Plain(e.File.Err))
		if d.maybeCalledBeside(e) {
			return d.calledBeside(e, no("it was started as %s", Argv0(argv)), is)
		}
		return is
	case !d.mayBeFrom(e):
		return no("it was started as %s, elsewhere", Argv0(argv))
	case e.File.Value.Owner != 0 && e.File.Value.Owner != d.Owner:
		return no("its file is uid %d's, not that of %s", e.File.Value.Owner, d.Path)
	case !e.File.Value.Changed && filepath.Base(onlyPath(x)) != d.Base():
		return no("its file %s has not been renamed since it started", x.Link)
	case !isRoots(e) && e.UID != d.Owner && e.Filesystem.State == fact.Unread:
		// He may have bound root's file to any name in a mount tree of his own, and run it from there (/proc/PID/root).
		return finding{need: NeedFilesystem}
	case e.Argv.State == fact.Unreadable:
		return yes(Undecided, FileUnknown, "it runs %s, which was changed since, and what it was started as cannot be read (%s)", x.Link, fact.Plain(e.Argv.Err))
	case d.maybeCalledBeside(e):
		return d.calledBeside(e, no("it was started as %s", Argv0(argv)), yes(Undecided, FileUnknown, "it may have been started as %s, but runs %s", d.Path, x.Link))
	}
	return yes(Undecided, FileUnknown, "it may have been started as %s, but runs %s", d.Path, x.Link)
}

// calledBeside answers by whether another path, that the process was started as, is the daemon's.
func (d Daemon) calledBeside(e fact.Evidence, not, is finding) finding {
	switch {
	case e.CalledBeside.State == fact.Unread:
		return finding{need: NeedCalledBeside}
	case e.CalledBeside.State == fact.Unreadable:
		return yes(Undecided, FileUnknown, "whether its %s lay beside %s cannot be read (%s)", d.CalledAs(e), d.Path, fact.Plain(e.CalledBeside.Err))
	case e.CalledBeside.Value:
		return is
	}
	return not
}

// mayBeFrom reports of a process that was started by a path which is not absolute, or a
// name, that it may have been the daemon's: as its working directory has it, if it has not
// left that since, or because its file has another name now. Of the same name there may be
// several, each in a directory of its own.
func (d Daemon) mayBeFrom(e fact.Evidence) bool {
	word, from := Argv0(e.Argv.Value), e.File.Value.Directory
	if filepath.IsAbs(word) || e.Argv.State == fact.Unreadable {
		return true
	}
	isPath := strings.Contains(word, "/")
	if isPath && d.NamesPath(filepath.Join(from, word)) {
		return true
	}
	return filepath.Base(onlyPath(e.Exe.Value)) != d.Base() && (!isPath || from == "/" || from == "")
}

// contradicted: a number that was recycled goes to a process that started after
// the pidfile was written. This one started just before, and the daemon is in its
// arguments (a wrapper before its exec, start-stop-daemon --make-pidfile
// likewise), or is a script, which may have become any program, or is behind a link
// that may have led to what it runs. Or, whenever it started, its name or path is the
// daemon's: one whose file was moved.
func contradicted(q Question) finding {
	d, e, p := q.Daemon, q.Evidence, q.Pidfile
	switch {
	case p.Path == "":
		return no("no pidfile speaks for it")
	case e.Exe.State != fact.Known || e.PID == 1:
		return no("what it runs cannot be read")
	case e.Ourselves || e.Root == fact.OtherPlace:
		return no("it is pidproof itself, or has another root directory")
	case e.Argv.State == fact.Unread:
		return finding{need: NeedArgv}
	case e.Argv.State == fact.Unreadable:
		return yes(Undecided, FileUnknown, "it runs %s, but what it was started as cannot be read (%s)", e.Exe.Value.Link, fact.Plain(e.Argv.Err))
	case d.maybeCalledBeside(e) && e.CalledBeside.State != fact.Known:
		return d.calledBeside(e, finding{}, finding{})
	case d.startedBy(e) && (Late(e, p) || WrittenLong(e, p)):
		return yes(Undecided, FileUnknown, "it goes by the name or path of %s, but runs %s (%q)", d.Path, e.Exe.Value.Link, e.Comm)
	case Late(e, p):
		return no("it started after the pidfile was written")
	case WrittenLong(e, p):
		return no("it started long before the pidfile was written")
	case d.Script == nil && !d.startedBy(e) && !d.mentionedBy(e.Argv.Value) && !d.onceLedTo(e):
		return no("neither its name nor its arguments are the daemon's")
	}
	f := yes(Undecided, FileUnknown, "it had this number when the pidfile was written, but runs %s (%q)", e.Exe.Value.Link, e.Comm)
	if d.Script != nil {
		f.why += "; that the script has become that is not proven: " + became(q).why
	}
	return f
}

func unreadable(q Question) finding {
	d, e := q.Daemon, q.Evidence
	switch {
	case e.Kernel:
		return no("it is a kernel thread")
	case e.Exe.State == fact.Known && d.File.State == fact.Unreadable:
		return yes(Undecided, FileUnknown, "%s: %s", d.Path, fact.Plain(d.File.Err))
	case e.Exe.State == fact.Known && d.Unread != nil:
		return yes(Undecided, FileUnknown, "it runs %s, and %s", e.Exe.Value.Link, d.WhyUnread())
	case e.Exe.State == fact.Known && d.File.State == fact.Known && !e.Exe.Value.ID.Known() && e.Exe.Value.IDErr != nil:
		return yes(Undecided, FileUnknown, "which file its %s is cannot be read (%s)", e.Exe.Value.Link, fact.Plain(e.Exe.Value.IDErr))
	case e.Exe.State == fact.Known && AtPathOf(e.Exe.Value, d) && (e.Tree == fact.PlaceUnknown || e.Tree == fact.OtherPlace && (!e.Exe.Value.ID.Known() || e.Filesystem.State == fact.Unreadable)):
		return yes(Undecided, FileUnknown, "its executable is %s, but whether of our mount tree cannot be read", e.Exe.Value.Link)
	case e.Exe.State == fact.Known:
		return no("its executable is %s", e.Exe.Value.Link)
	case e.Exe.State == fact.Absent:
		return no("it has no executable")
	case e.PID == 1 && !Bears(e.Comm, d.Base()):
		return no("it is init, called %q", e.Comm)
	case e.Life == fact.Hidden:
		return yes(Undecided, FileUnknown, "/proc hides it from us (hidepid); %s", Remedy(e))
	case !d.GoesBy(e.Comm) && errors.Is(e.Exe.Err, fact.ErrThreads) && q.Pidfile.Path == "" && !isRoots(e) && e.UID != d.Owner:
		return no("its name is %q, and its user may have arranged that no more is told", e.Comm)
	case !d.GoesBy(e.Comm):
		return mayHaveBecome(q)
	}
	if q.Pidfile.Path != "" {
		if ok, why := q.Pidfile.Vouches(e.UID, e.EUID); !ok {
			return yes(Undecided, FileUnknown, "its executable cannot be read, and %s", why)
		}
	}
	return yes(Plausible, FileUnknown, "its executable cannot be read (%s), its name fits; %s", fact.Plain(e.Exe.Err), Remedy(e))
}

// Remedy is what helps against an executable that may not be read.
func Remedy(e fact.Evidence) string {
	if errors.Is(e.Exe.Err, fact.ErrBetweenPrograms) || errors.Is(e.Exe.Err, fact.ErrThreads) {
		return "ask again"
	}
	if e.AsRoot {
		return "root lacks CAP_SYS_PTRACE here, as in a container"
	}
	return "ask as root"
}

func mismatch(q Question) finding {
	switch e := q.Evidence; {
	case e.Kernel:
		return yes(NotThis, FileUnknown, "%d is the kernel thread %q", e.PID, e.Comm)
	case e.Exe.State == fact.Known:
		return yes(NotThis, FileUnknown, "%d runs %s", e.PID, e.Exe.Value.Link)
	case e.PID == 1:
		return yes(NotThis, FileUnknown, "1 is init, called %q", e.Comm)
	default:
		return yes(NotThis, FileUnknown, "%d runs no program", e.PID)
	}
}
