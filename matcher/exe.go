package matcher

import (
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// Daemon is the executable an instance runs, as found on disk.
type Daemon struct {
	Name string // as the caller gave it
	Path string // absolute, cleaned, links kept
	Real string // links resolved; where the file is gone, its directory's links only

	File   Fact[FileID] // of Real
	DirDev uint64       // st_dev of Real's directory: says which filesystem, also when the file is gone
	Links  uint64       // hard links to the file: with more than one, other names may run it

	// Script is the interpreter when the file begins with #!, else nil.
	Script *Interpreter
	// MultiCall: Real is one program under several names (busybox), so that
	// the name a process was started under decides which of them it is.
	MultiCall bool
}

// Interpreter is what runs a #! script.
type Interpreter struct {
	Path, Real string
	File       Fact[FileID]
	// ViaEnv: named through env(1), so found by the PATH of whoever started the
	// daemon; only its name can be compared.
	ViaEnv bool
}

func (d Daemon) base() string     { return filepath.Base(d.Path) }
func (d Daemon) realBase() string { return filepath.Base(d.Real) }

// aliased reports that the daemon's path is a link to a file of another name.
func (d Daemon) aliased() bool { return d.base() != d.realBase() }

// namesPath reports that path is the daemon's, as given or with links resolved.
func (d Daemon) namesPath(path string) bool {
	return path == d.Path || path == d.Real
}

const deleted = " (deleted)"

// replacementSuffixes are names under which package managers keep or bring the
// file they are about to replace, as /proc/PID/exe then shows it.
var replacementSuffixes = []struct{ pattern, source string }{
	{`\.dpkg-tmp`, "dpkg, lib/dpkg/archives.c: the old file's backup link"},
	{`\.dpkg-new`, "dpkg: the new file before the rename"},
	{`;[0-9a-f]{8,}`, "rpm, lib/fsm.c: the new file before the rename"},
	{`-RPMDELETE`, "rpm: a busy file that could not be removed"},
	{`\.apk\.[0-9a-f]+`, "apk-tools, src/database.c: the new file before the rename"},
	{`\.#prelink#\.[A-Za-z0-9]{6}`, "prelink, src/doit.c: mkstemp beside the file"},
}

// replacementSuffix is compiled on first use: most runs never need it, and a
// regexp at package init costs every command its start-up time.
var replacementSuffix = sync.OnceValue(func() *regexp.Regexp {
	var patterns []string
	for _, r := range replacementSuffixes {
		patterns = append(patterns, r.pattern)
	}
	return regexp.MustCompile(`(?:` + strings.Join(patterns, "|") + `)$`)
})

// paths gives every path the exe link may stand for: itself, and without what
// the kernel (" (deleted)") and package managers append.
func (x Exe) paths() []string {
	link := x.Link
	if !x.Literal {
		link = strings.TrimSuffix(link, deleted)
	}
	out := []string{link}
	if at := replacementSuffix().FindStringIndex(link); at != nil {
		out = append(out, link[:at[0]])
	}
	return out
}

// atPathOf reports that the exe link, less such suffixes, is the daemon's path.
func (x Exe) atPathOf(d Daemon) bool {
	for _, p := range x.paths() {
		if d.namesPath(p) {
			return true
		}
	}
	return false
}

// bears reports that name, a comm (cut to 15 bytes by the kernel) or the base
// of an argv0, is the daemon's.
func bears(name, daemon string) bool {
	return name != "" && (name == daemon || len(name) == commLen && strings.HasPrefix(daemon, name))
}

const commLen = 15 // TASK_COMM_LEN less the NUL, include/linux/sched.h

func argv0(argv []string) string {
	if len(argv) == 0 {
		return ""
	}
	return argv[0]
}

// argv0Base is the base name of argv[0]; a title set by the daemon
// ("redis-server *:6379") counts up to its first blank.
func argv0Base(argv []string) string {
	word, _, _ := strings.Cut(argv0(argv), " ")
	if word == "" {
		return ""
	}
	return filepath.Base(strings.TrimPrefix(word, "-"))
}

// ranAs reports under which of the daemon's two names, the link's or the
// target's, a process that runs the file was started. For an unaliased daemon
// every name fits: the file alone decides.
func (d Daemon) ranAs(comm string, argv []string) bool {
	if !d.aliased() {
		return true
	}
	names := []string{comm, argv0Base(argv)}
	// `busybox crond`: the applet is the first argument.
	if len(argv) > 1 && names[1] == d.realBase() {
		names = append(names, argv[1])
	}
	for _, n := range names {
		if bears(n, d.base()) {
			return true
		}
	}
	if d.MultiCall {
		return false
	}
	return bears(names[0], d.realBase()) || bears(names[1], d.realBase())
}

// goesBy reports that a comm is the daemon's: the link's name, or the target's
// where that is one program only.
func (d Daemon) goesBy(comm string) bool {
	return bears(comm, d.base()) || !d.MultiCall && bears(comm, d.realBase())
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
		// env python3 → /usr/bin/python3.11, perhaps of a virtual environment.
		if i.ViaEnv && strings.HasPrefix(filepath.Base(p), filepath.Base(i.Path)) {
			return true
		}
	}
	return false
}

// scriptArgument is the script an interpreter was given: its first argument
// that is no option. "" after -c, where it would be a command.
func scriptArgument(argv []string) string {
	for _, a := range argv[min(1, len(argv)):] {
		if a == "-c" || len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.HasSuffix(a, "c") {
			return ""
		}
		if !strings.HasPrefix(a, "-") {
			return a
		}
	}
	return ""
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
