package audit

import "mvdan.cc/sh/v3/syntax"

// Kind is a kind of place. docs/pidproof-audit.8 has a line for each.
type Kind string

const (
	Kill        Kind = "kill"
	Killall     Kind = "killall"
	Pkill       Kind = "pkill"
	SSDName     Kind = "start-stop-daemon-name"
	SSDPidfile  Kind = "start-stop-daemon-pidfile"
	Fuser       Kind = "fuser"
	Kill0       Kind = "kill-0"
	Proc        Kind = "proc"
	Pidof       Kind = "pidof"
	Pidofproc   Kind = "pidofproc"
	Ps          Kind = "ps"
	Pgrep       Kind = "pgrep"
	TestThenAct Kind = "test-then-act"
	WaitLoop    Kind = "wait-loop"
	Removed     Kind = "pidfile-removed"
	Written     Kind = "pidfile-written"
	Writable    Kind = "pidfile-writable"
	CannotTell  Kind = "cannot-tell"
)

// Hazard is what can go wrong.
type Hazard string

const (
	Recycled Hazard = "recycled number"
	Replaced Hazard = "replaced binary"
	Other    Hazard = "other instance"
	Hang     Hazard = "hang"
	LongName Hazard = "name over 15 characters"
	Race     Hazard = "race"
	Foreign  Hazard = "anybody's file"
)

// about is what there is to say of a kind: worst first, which is the order of a report.
type about struct {
	kind    Kind
	what    string
	hazards []Hazard
	// instead is the general advice, where no words for the place itself are known.
	instead string
}

var kinds = []about{
	{Killall, "a signal to everything of that name: other instances, containers, anybody's", []Hazard{Other, Replaced}, "killproc -p PIDFILE DAEMON"},
	{Pkill, "a signal to everything that a pattern fits: other instances, containers, anybody's", []Hazard{Other, Replaced}, "killproc -p PIDFILE DAEMON"},
	{Kill, "a signal to a bare number, which may be another process's by now", []Hazard{Recycled, Race}, "killproc -p PIDFILE DAEMON SIGNAL"},
	{SSDName, "by a name or a user alone, all their processes are taken", []Hazard{Other}, "add --pidfile and --exec"},
	{Fuser, "whoever has a file or port open is taken for the daemon", []Hazard{Other, Hang}, "pidofproc -p PIDFILE DAEMON"},
	{Writable, "a pidfile in a directory where anybody can put one", []Hazard{Foreign}, "keep it in a directory of the daemon's below /run"},
	{TestThenAct, "the number was proven, then signalled: between the two it may pass on", []Hazard{Race}, "killproc -p PIDFILE DAEMON SIGNAL"},
	{SSDPidfile, "without --exec, the number in the pidfile is all there is", []Hazard{Recycled}, "add --exec"},
	{Kill0, "some process has that number: whether it is the daemon is not asked", []Hazard{Recycled}, "pidofproc -p PIDFILE DAEMON"},
	{Proc, "some process has that number, or a file of that name: whether it is the daemon is not asked", []Hazard{Recycled, Replaced}, "pidofproc -p PIDFILE DAEMON"},
	{Pidof, "by a name: other instances are found, a replaced or renamed daemon is not", []Hazard{Other, Replaced, Hang}, "pidofproc -p PIDFILE DAEMON, or pidproof pidof"},
	{Ps, "by what a process calls itself", []Hazard{Other, Recycled, Hang}, "pidofproc -p PIDFILE DAEMON"},
	{Pgrep, "by what a process calls itself: other instances, editors of its configuration, this script", []Hazard{Other, Hang}, "pidofproc -p PIDFILE DAEMON"},
	{Pidofproc, "without -p, whatever runs under the name", []Hazard{Other, Replaced}, "pidofproc -p PIDFILE DAEMON"},
	{WaitLoop, "waits by asking again and again for what may be another's number", []Hazard{Recycled, Hang}, "killproc -p PIDFILE DAEMON waits; pidproof wait stopped"},
	{Removed, "removed or emptied without proof that the daemon has ended: then nobody finds it any more", []Hazard{Replaced, Other}, "leave it to killproc, or to start-stop-daemon --remove-pidfile"},
	{Written, "written by the script: the number is the shell's child, which may not be the daemon", []Hazard{Race}, "start-stop-daemon --make-pidfile --background"},
	{CannotTell, "what runs here is made up only when the script runs", nil, "read it"},
}

func aboutKind(k Kind) about {
	for _, a := range kinds {
		if a.kind == k {
			return a
		}
	}
	return about{kind: k}
}

func rank(k Kind) int {
	for i, a := range kinds {
		if a.kind == k {
			return i
		}
	}
	return len(kinds)
}

// Finding is a place in a script.
type Finding struct {
	Path    string
	Line    int
	Kind    Kind
	Words   string // as the script has it
	Hazards []Hazard
	Covered string // "hook" or "wrapper" where pidproof is asked there already
	Instead string // what to write instead

	node        nodeRange
	new         string // what stands in its place then
	pidfile     string // the pidfile's word, to be written into a replacement
	begins      string // what is known of its name
	in          string // the function that the place is in
	signal      string // a name, or a variable
	pidfileWord *syntax.Word
	held        bool      // the number was read before, and not from the pidfile at this place
	read        string    // what reads the number, where that is replaced
	block       *block    // that it is a part of
	asked       *skeleton // likewise
	behind      *skeleton // whose question is right before it
	replaced    bool      // by the patch
	silent      bool      // what it says to stderr is not wanted
	kept        bool      // that goes to stdout
}

// nodeRange is what a replacement would replace, in bytes; the zero value: nothing can be.
type nodeRange struct{ from, to int }
