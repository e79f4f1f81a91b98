package rules

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pidproof/matcher/internal/fact"
)

// Daemon is the executable an instance runs, as found on disk.
type Daemon struct {
	Name string // as the caller gave it
	Path string // absolute, cleaned, links kept
	Real string // links resolved; where the file is gone, its directory's links only

	NoProgram string // why Name leads to no executable, but is a label; there is no Path then

	File   fact.Fact[fact.FileID] // of Real
	DirDev uint64                 // st_dev of Real's directory: says which filesystem, also when the file is gone
	DirIno uint64                 // and its inode, which other paths may lead to, as through a bind mount; 0: not known
	Links  uint64                 // hard links to the file: with more than one, other names may run it
	Owner  int                    // whose file it is; where it is gone, whose directory

	Mount   uint64    // of the directory, see Exe
	Changed time.Time // when a name in its directory, or in that of Path, was last changed

	// Script is the interpreter when the file begins with #!, or is run by one
	// nevertheless (binfmt_misc); else nil.
	Script *Interpreter
	// Unread is why root may not read how the file begins: whether it is a script.
	Unread error
	// OtherNames are further links to the same file, where Path is one itself.
	// MultiCall: there are some, or it is a hard link, so the file may be several
	// programs (busybox), and the name a process was started under decides.
	OtherNames []string
	MultiCall  bool
}

func (d Daemon) Base() string     { return filepath.Base(d.Path) }
func (d Daemon) RealBase() string { return filepath.Base(d.Real) }

// WhyUnread says that it may be a script, of which nothing is known; "" if that is known.
func (d Daemon) WhyUnread() string {
	if d.Unread == nil {
		return ""
	}
	return fmt.Sprintf("whether %s is a script cannot be read (%s)", d.Path, fact.Plain(d.Unread))
}

// Unnamed reports that no executable was given.
func (d Daemon) Unnamed() bool { return d.Path == "" }

// Label reports that all there is of it is what somebody calls it.
func (d Daemon) Label() bool { return d.NoProgram != "" }

// Uncompared says that no process could be compared with a label.
func (d Daemon) Uncompared() string {
	return fmt.Sprintf("no executable could be compared: %s", d.NoProgram)
}

// Called is its path, or its label.
func (d Daemon) Called() string {
	if d.Label() {
		return d.Name
	}
	return d.Path
}

// Aliased reports that the daemon's path is a link to a file of another name.
func (d Daemon) Aliased() bool { return d.Base() != d.RealBase() }

// NamesPath reports that path is the daemon's, as given or with links resolved.
func (d Daemon) NamesPath(path string) bool {
	return path == d.Path || path == d.Real
}

// replacementSuffixes are names under which package managers keep or bring the
// file they are about to replace, as /proc/PID/exe then shows it: a mark, and a
// number of characters of a kind behind it.
var replacementSuffixes = []struct {
	mark        string
	least, most int
	of          string
	source      string
}{
	{".dpkg-tmp", 0, 0, "", "dpkg, lib/dpkg/archives.c: the old file's backup link"},
	{".dpkg-new", 0, 0, "", "dpkg: the new file before the rename"},
	{";", 8, fact.PathMax, hexDigits, "rpm, lib/fsm.c: the new file before the rename"},
	{"-RPMDELETE", 0, 0, "", "rpm: a busy file that could not be removed"},
	{".apk.", 1, fact.PathMax, hexDigits, "apk-tools, src/database.c: the new file before the rename"},
	{".#prelink#.", 6, 6, letters + capitals + "0123456789", "prelink, src/doit.c: mkstemp beside the file"},
}

const (
	hexDigits = "0123456789abcdef"
	letters   = "abcdefghijklmnopqrstuvwxyz"
	capitals  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// withoutSuffix takes such a suffix off. Of the path, which may have 4 KiB, the last part alone
// is looked at.
func withoutSuffix(path string) (rest string, had bool) {
	base := path[strings.LastIndexByte(path, '/')+1:]
	for _, s := range replacementSuffixes {
		at := strings.LastIndex(base, s.mark)
		if at < 0 {
			continue
		}
		tail := base[at+len(s.mark):]
		if len(tail) >= s.least && len(tail) <= s.most && strings.Trim(tail, s.of) == "" {
			return path[:len(path)-len(base)+at], true
		}
	}
	return path, false
}

// marked reports that the link says the file has left its path.
func marked(x fact.Exe) bool {
	return !x.Literal && strings.HasSuffix(x.Link, fact.Deleted) || len(PathsOf(x)) > 1
}

// paths gives every path the exe link may stand for: itself, and without what
// the kernel (" (deleted)") and package managers append.
func PathsOf(x fact.Exe) []string {
	link := x.Link
	if !x.Literal {
		link = strings.TrimSuffix(link, fact.Deleted)
	}
	out := []string{link}
	if rest, had := withoutSuffix(link); had {
		out = append(out, rest)
	}
	return out
}

// daemon is what runs this file, where nobody said which daemon is meant; none, if the file
// is not known.
func DaemonOf(x fact.Exe) Daemon {
	if !x.ID.Known() {
		return Daemon{}
	}
	path := onlyPath(x)
	return Daemon{Path: path, Real: path, File: fact.Of(x.ID), DirDev: x.ID.Dev, Mount: x.Mount}
}

// onlyPath is the exe link without what was appended.
func onlyPath(x fact.Exe) string {
	paths := PathsOf(x)
	return paths[len(paths)-1]
}

// AtPathOf reports that the exe link, less such suffixes, is the daemon's path.
func AtPathOf(x fact.Exe, d Daemon) bool {
	for _, p := range PathsOf(x) {
		if d.NamesPath(p) {
			return true
		}
	}
	return false
}

// PathOf is that of the exe link.
func PathOf(x fact.Exe) string { return onlyPath(x) }

// maybeBeside reports of what has left its path that this may have been the daemon's, seen
// through another mount of its directory: it has the same name in it.
func (d Daemon) maybeBeside(e fact.Evidence) bool {
	x := e.Exe.Value
	mayMount := e.Tree == fact.OtherPlace && e.UserNS != fact.SamePlace // what he likes, user_namespaces(7)
	return marked(x) && d.DirIno != 0 && e.Tree != fact.PlaceUnknown && !mayMount && e.Root == fact.SamePlace && !AtPathOf(x, d) && filepath.Base(onlyPath(x)) == d.RealBase()
}

// Bears reports that name, a comm (cut to 15 bytes by the kernel) or the base
// of an argv0, is the daemon's.
func Bears(name, daemon string) bool {
	return name != "" && (name == daemon || len(name) == CommLen && strings.HasPrefix(daemon, name))
}

const CommLen = 15 // TASK_COMM_LEN less the NUL, include/linux/sched.h

func Argv0(argv []string) string {
	if len(argv) == 0 {
		return ""
	}
	return argv[0]
}

// Argv0Base is the base name of argv[0]; a title set by the daemon
// ("redis-server *:6379") counts up to its first blank.
func Argv0Base(argv []string) string {
	word, _, _ := strings.Cut(Argv0(argv), " ")
	if word == "" {
		return ""
	}
	return filepath.Base(strings.TrimPrefix(word, "-"))
}

// fit is how the name a process was started under fits the daemon, where one
// file is several programs.
type fit int

const (
	fitsNot fit = iota // it is another program of the file
	fitsMaybe
	fitsWell
)

// ranAs judges a process that runs the daemon's file by the name it was started
// under. For a plain path every name fits: the file alone decides. Where the
// path is a link to a file of another name, or a hard link the process was not
// started by, it must be this path's name, or the target's if the file is one
// program only.
func (d Daemon) ranAs(x fact.Exe, comm string, argv []string) fit {
	if !d.Aliased() && (d.Links <= 1 || AtPathOf(x, d)) {
		return fitsWell
	}
	// argv[0] says it, if it is no title; comm would be a script's own name where
	// the shell is one of the file's programs.
	name := Argv0Base(argv)
	if name == d.RealBase() && d.Aliased() && len(argv) > 1 && d.MultiCall && !strings.HasPrefix(argv[1], "-") {
		name = argv[1] // `busybox crond`, but `exim4 -bd`
	}
	title := name == "" || strings.ContainsAny(Argv0(argv), " :")
	if title {
		name = comm
	}
	switch {
	case Bears(name, d.Base()):
		return fitsWell
	case d.Aliased() && !d.MultiCall && Bears(name, d.RealBase()):
		return fitsWell
	case slices.Contains(d.OtherNames, name), d.MultiCall && len(argv) > 1 && name == argv[1]:
		return fitsNot
	case title && d.Aliased() && !d.MultiCall && d.RunsAnything():
		return fitsWell // python3 leads to python3.11, and what it runs has taken a title: gunicorn
	}
	return fitsMaybe
}

// GoesBy reports that a comm is the daemon's: the link's name, or the target's
// where that is one program only.
func (d Daemon) GoesBy(comm string) bool {
	return Bears(comm, d.Base()) || !d.MultiCall && Bears(comm, d.RealBase())
}

// Calls reports that the arguments of a process are those of one that was started as the
// daemon, and has not given itself another title since: that of a script begins with its
// interpreter.
func (d Daemon) Calls(argv []string) bool {
	name, title := Argv0Base(argv), strings.TrimPrefix(Argv0(argv), "-")
	if name == d.Base() || name == d.RealBase() || d.Script != nil && d.Script.Named(name) {
		return true
	}
	for _, whole := range []string{d.Path, d.Real, d.Base(), d.RealBase()} { // a blank in it is not the title's first
		if strings.Contains(whole, " ") && (title == whole || strings.HasPrefix(title, whole+" ") || strings.HasSuffix(title, "/"+whole)) {
			return true
		}
	}
	return false
}

// startedBy reports that a process bears the daemon's name, without having been
// started by its executable's own path, or that the daemon's is the path it was
// started as, or that of the script it was given. An interpreter's comm is its
// script's name, and the script rule knows better.
func (d Daemon) startedBy(e fact.Evidence) bool {
	argv := e.Argv.Value
	interpreter := d.Script != nil && d.Script.Interprets(e.Exe.Value)
	if !interpreter && d.GoesBy(e.Comm) && !slices.Contains(PathsOf(e.Exe.Value), Argv0(argv)) {
		return true
	}
	if d.NamesPath(filepath.Clean(Argv0(argv))) {
		return true
	}
	words := d.ScriptWords(e)
	return len(words) > 0 && d.NamesPath(filepath.Clean(words[0])) || e.CalledBeside.Value
}

// CalledAs is the path that a process was started as, or an interpreter was given for its
// script; "" if that is no path.
func (d Daemon) CalledAs(e fact.Evidence) string {
	if RunsScripts(e.Exe.Value) {
		return Argv0(d.ScriptWords(e))
	}
	if word := Argv0(e.Argv.Value); filepath.IsAbs(word) {
		return word
	}
	return ""
}

// maybeCalledBeside reports that this may be another path of the daemon's, as it has its name:
// /sbin/x, where the daemon is /usr/sbin's, a link to it, or a script's from where its process was.
func (d Daemon) maybeCalledBeside(e fact.Evidence) bool {
	word := d.CalledAs(e)
	base := filepath.Base(word)
	return (base == d.Base() || base == d.RealBase()) && d.DirIno != 0 && !d.NamesPath(filepath.Clean(word))
}

// onceLedTo reports that a link on the daemon's path may have led to what a process
// runs, under its own name (/usr/bin/java, repose #1186).
func (d Daemon) onceLedTo(e fact.Evidence) bool { return d.Path != d.Real && d.GoesBy(e.Comm) }

// mentionedBy reports that a process has the daemon in its arguments.
func (d Daemon) mentionedBy(argv []string) bool {
	return len(argv) > 1 && slices.ContainsFunc(argv[1:], func(word string) bool {
		return strings.Contains(word, d.Path) || strings.Contains(word, d.Real)
	})
}

// NameFits judges a process whose executable we may not see.
func (d Daemon) NameFits(comm string, argv fact.Fact[[]string]) bool {
	switch {
	case d.Unnamed():
		return false
	case fact.Unforeseen(argv.Err) != nil, d.GoesBy(comm), d.GoesBy(Argv0Base(argv.Value)):
		return true
	}
	return d.Script != nil && (d.titled(argv.Value) != fitsNot ||
		slices.ContainsFunc(scriptArguments(argv.Value), func(word string) bool { return d.GoesBy(filepath.Base(word)) }))
}
