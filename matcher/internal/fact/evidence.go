package fact

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// FactState tells apart what a missing value would blur.
type FactState int

const (
	Unread     FactState = iota // nobody asked: no rule needed it
	Known                       // read; Value holds it
	Absent                      // the kernel says there is no such thing (ENOENT, ESRCH)
	Unreadable                  // it may exist, but could not be read; Err says why
)

func (s FactState) String() string {
	return [...]string{"unread", "known", "absent", "unreadable"}[s]
}

// Fact is one thing read from the kernel, or the reason why it is missing.
type Fact[T any] struct {
	State FactState
	Value T
	Err   error // set when Absent or Unreadable
}

func (f Fact[T]) Known() bool      { return f.State == Known }
func (f Fact[T]) Absent() bool     { return f.State == Absent }
func (f Fact[T]) Unreadable() bool { return f.State == Unreadable }

func Of[T any](v T) Fact[T] { return Fact[T]{State: Known, Value: v} }

// Failed keeps "is not there" and "could not be read" apart.
func Failed[T any](err error) Fact[T] {
	if Vanished(err) {
		return Fact[T]{State: Absent, Err: err}
	}
	return Fact[T]{State: Unreadable, Err: err}
}

// Life says whether a PID still stands for a living process.
type Life int

const (
	Alive  Life = iota
	Gone        // no process has this number
	Thread      // the number belongs to a thread, not to a process
	Zombie      // every thread has ended; only the exit status is left
	Ending      // every thread is ending, and none runs a program any more
	Hidden      // it exists (pidfd_open says so), but /proc does not show it: hidepid
)

func (l Life) String() string {
	return [...]string{"alive", "gone", "thread", "zombie", "ending", "hidden"}[l]
}

// Alive reports that it does.
func (l Life) Alive() bool { return l == Alive }

// Over reports that a process runs nothing any more; its number may still be that of
// its group and session.
func (l Life) Over() bool { return l == Gone || l == Zombie || l == Ending }

// Place compares a namespace of a process with ours.
type Place int

const (
	PlaceUnknown Place = iota
	SamePlace
	OtherPlace
)

// Another reports that it is not ours.
func (p Place) Another() bool { return p == OtherPlace }

func (p Place) String() string { return [...]string{"unknown", "ours", "another"}[p] }

// FileID is st_dev and st_ino of a file: its identity on this host, now.
type FileID struct{ Dev, Ino uint64 }

// Known reports that the file could be stat'ed.
func (id FileID) Known() bool { return id.Ino != 0 }

// Device is st_dev as major:minor, as findmnt(8) prints it.
func (id FileID) Device() string {
	return fmt.Sprintf("%d:%d", unix.Major(id.Dev), unix.Minor(id.Dev))
}

// String is what messages show.
func (id FileID) String() string {
	return fmt.Sprintf("%s inode %d", id.Device(), id.Ino)
}

// Exe is /proc/PID/exe, read once.
type Exe struct {
	Link string // what readlink gives, ` (deleted)` and all
	ID   FileID // of the running file itself; zero when it could not be stat'ed
	// IDErr is why ID is zero; nil if there is no such file, as nowhere but in a fixture.
	IDErr error
	// Literal: Link ends in ` (deleted)` because a file is really called so.
	Literal bool

	Mount uint64 // the mount that it is run through, 0: not known
}

// RunningFile is what else is known of the file that a process runs.
type RunningFile struct {
	Owner int
	// Setuid: whoever executes it gets its owner's rights.
	Setuid bool
	// Changed: its inode was changed since the process started, as by a rename(2). A change
	// from before the clock was set forward is not seen.
	Changed bool
	// Directory is the process's working directory; "" if it cannot be read.
	Directory string
}

// Evidence is what the kernel says about one process, pinned while it was read.
type Evidence struct {
	PID  int
	Life Life
	// Pin says how the process was held: "pidfd", or "start time" (compared
	// before and after) on a kernel or under a filter without pidfd_open(2).
	Pin string

	Ourselves bool // the process that asks

	// AsRoot says that root asked: whatever is unreadable stays so.
	AsRoot bool

	// From /proc/PID/stat.
	Comm       string    // at most 15 bytes
	State      string    // R, S, D, Z, T, …
	PPID       int       // 0: no parent in this PID namespace
	Group      int       // process group
	Session    int       // session
	Terminal   bool      // it has a controlling terminal
	StartTicks uint64    // clock ticks (1/100 s) since boot, field 22
	Started    time.Time // StartTicks on today's wall clock
	Kernel     bool      // a kernel thread: it has no executable

	// From /proc/PID/status.
	UID, EUID int

	PIDNS  Place // PID namespace, against ours
	Tree   Place // mount namespace, against ours
	UserNS Place // user namespace, against ours; read where Tree is another
	Root   Place // root directory, against ours: another in a chroot
	// Outside: its root directory cannot be reached from ours, because we are in
	// a chroot or it is in a container. Then the kernel shows its paths as if
	// they were ours (d_path without the root).
	Outside bool

	Exe Fact[Exe]

	// Forked: a fork that runs what its parent runs, and has executed nothing yet.
	Forked bool

	// Torn: its namespaces were gone while it was looked at.
	Torn bool

	Argv Fact[[]string] // /proc/PID/cmdline: reading it may block, so only on demand

	// Filesystem compares that of the executable with that of the daemon's directory. It is
	// absent where the executable was not reached through the process's own mount tree: then
	// its path says nothing. On demand.
	Filesystem Fact[Place]

	// Beside: the directory of its executable's path is the daemon's by another path, as
	// through a bind mount. On demand.
	Beside Fact[bool]
	// CalledBeside: the path that it was started as, or that an interpreter was given, leads to
	// the daemon's, as through a link to its directory or itself. On demand.
	CalledBeside Fact[bool]

	File Fact[RunningFile] // on demand

	Scripts    []ScriptFile  // what its arguments name, if it runs a script; on demand
	Locks      Fact[bool]    // holds a lock on the pidfile, from /proc/locks; on demand
	Below      Fact[[]Below] // who below it runs the daemon; on demand
	ParentRuns Fact[bool]    // its parent runs the same daemon; on demand
	Claims     Fact[[]Claim] // other trusted pidfiles that name it or such an ancestor; on demand
	Clock      Fact[Clock]   // what tells whether the clock was set; on demand
}

// ScriptFile is an argument that may be the script an interpreter runs.
type ScriptFile struct {
	Word string
	File Fact[FileID] // a regular file, as the process itself would find it
}

// Below is a process below another that runs the daemon, and that nobody between them runs.
type Below struct {
	PID        int
	StartTicks uint64
	UID, EUID  int
	Proven     bool // else it may run it
}

// Claim is another instance's pidfile that names this process, or an ancestor
// of it that runs the same daemon, or has started the topmost of those.
type Claim struct {
	Pidfile  string
	PID      int  // the process it names
	Self     bool // that is this very process, not an ancestor
	Wrapper  bool // that process does not run the daemon, and was not late
	Late     bool // that process started more than 2 s after the pidfile was written
	TopLevel bool // that process's own parent does not run the daemon
	Written  time.Time
	// Upgrade: the pidfile is this instance's own, of a binary upgrade under way.
	Upgrade bool
}

const Deleted = " (deleted)"

// MaxAncestors bounds a walk up the process tree.
const MaxAncestors = 64

const PathMax = 4096 // include/uapi/linux/limits.h

// PIDMax is PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h).
const PIDMax = 4 * 1024 * 1024
