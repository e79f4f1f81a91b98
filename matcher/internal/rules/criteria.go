package rules

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"pidproof/matcher/internal/fact"
)

// Criteria are what start-stop-daemon(8) matches processes by: its options of
// the same names. The zero value of each does not count, and at least one other
// must be given.
type Criteria struct {
	Pidfile string // look at the process that it names, and at no other
	PID     int    // look at this process, and at no other
	Exec    string // runs this executable, by the rules of this package
	PPID    int
	Name    string // as ps -o comm shows it; see named
	UID     *int   // effective user
}

// further reports that there are more than --exec and what names a process.
func (c Criteria) further() bool {
	return c.Pidfile != "" && c.PID != 0 || c.PPID != 0 || c.Name != "" || c.UID != nil
}

// criteria is the rule for those of start-stop-daemon's options that the kernel
// answers by itself.
func criteria(q Question) finding {
	c, e := q.Criteria, q.Evidence
	switch {
	case e.Life == fact.Hidden:
		return yes(Undecided, FileUnknown, "/proc hides it from us (hidepid); %s", Remedy(e))
	case c.PID != 0 && c.PID != e.PID:
		return yes(NotThis, FileUnknown, "it is %d, not %d", e.PID, c.PID)
	case c.PPID != 0 && c.PPID != e.PPID:
		return yes(NotThis, FileUnknown, "%d is a child of %d, not of %d", e.PID, e.PPID, c.PPID)
	case c.UID != nil && *c.UID != e.EUID:
		return yes(NotThis, FileUnknown, "%d runs as uid %d, not %d", e.PID, e.EUID, *c.UID)
	case c.Name == "":
		return no("its parent and user are those that were asked for")
	case len(c.Name) > CommLen && e.Argv.State == fact.Unread:
		return finding{need: NeedArgv}
	}
	switch named(c.Name, e) {
	case NotThis:
		return yes(NotThis, FileUnknown, "%d is called %q, not %s", e.PID, e.Comm, c.Name)
	case Undecided:
		return yes(Undecided, FileUnknown, "whether it is called %s cannot be told: the kernel keeps %d characters, and neither arguments nor executable can be read", c.Name, CommLen)
	}
	return no("its name is %s", c.Name)
}

// named compares a name as start-stop-daemon(8) does: with comm. Of a name of
// more than 15 characters that holds the first 15; the whole of it must be the
// base name of argv[0], of the executable, or of the script that it runs
// (Debian bugs 353015, 519128: such a name never matched).
func named(name string, e fact.Evidence) Outcome {
	if len(name) <= CommLen {
		if e.Comm == name {
			return Runs
		}
		return NotThis
	}
	if e.Comm != name[:CommLen] {
		return NotThis
	}
	argv := e.Argv.Value
	if len(argv) > 0 && Argv0Base(argv) == name {
		return Runs
	}
	for _, path := range PathsOf(e.Exe.Value) {
		if filepath.Base(path) == name {
			return Runs
		}
	}
	if slices.ContainsFunc(scriptArguments(argv), func(word string) bool { return filepath.Base(word) == name }) {
		return Runs
	}
	if e.Exe.State == fact.Unreadable && !strings.HasPrefix(Argv0Base(argv), e.Comm) { // none, or a title
		return Undecided
	}
	return NotThis
}

// number is the rule where no executable was given, as in `start-stop-daemon
// --stop --pidfile F`, or only a label: the number is all there is. Kernel threads write no
// pidfiles, but Debian's nfs-kernel-server stops them: --name nfsd --user 0; and whoever
// writes one's number down calls it by its name.
func number(q Question) finding {
	d, e := q.Daemon, q.Evidence
	switch {
	case e.Kernel && d.Label() && Bears(e.Comm, LastPart(d.Name)):
	case e.Kernel && q.Pidfile.Path != "":
		return yes(NotThis, FileUnknown, "%d is the kernel thread %q", e.PID, e.Comm)
	case e.Ourselves:
		return yes(NotThis, FileUnknown, "%d is pidproof itself", e.PID)
	case e.Life == fact.Hidden:
		return yes(Undecided, FileUnknown, "/proc hides it from us (hidepid); %s", Remedy(e))
	}
	f := yes(Runs, FileUnknown, "no executable was given, and it has the number %d", e.PID)
	if d.Label() {
		f.why = fmt.Sprintf("it has the number %d and is called %q; %s", e.PID, e.Comm, d.Uncompared())
	}
	f.weak = true
	return f
}

// Resembles reports that a process's name or executable is like the name of its
// pidfile or of its directory: cron and crond.pid, dovecot and
// dovecot/master.pid. It speaks for a process that started after its pidfile was
// written, when nothing else does.
func Resembles(e fact.Evidence, pidfile string) bool {
	of := []string{e.Comm, Argv0Base(e.Argv.Value)}
	for _, path := range PathsOf(e.Exe.Value) {
		of = append(of, filepath.Base(path))
	}
	base := filepath.Base(pidfile)
	for _, word := range []string{strings.TrimSuffix(base, filepath.Ext(base)), filepath.Base(filepath.Dir(pidfile))} {
		for _, name := range of {
			if likeNames(lower(word), lower(name)) {
				return true
			}
		}
	}
	return false
}

// lower is for ASCII alone: strings.ToLower makes one and the same letter of
// all that is no UTF-8.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// noName are directories, and pidfiles, whose name is nobody's.
var noName = []string{"run", "var", "lock", "tmp", "pid", "pids", "master", "main", "daemon", "server",
	"lib", "log", "opt", "srv", "app", "home", "user", "users", "system", "data", "spool", "cache", "state", "service"}

// likeNames: one begins with the other, of which there must be three letters.
func likeNames(word, name string) bool {
	if len(word) < 3 || len(name) < 3 || slices.Contains(noName, word) {
		return false
	}
	if IsInterpreter(name) {
		return word == name
	}
	return strings.HasPrefix(word, name) || strings.HasPrefix(name, word)
}
