// Package census upgrades and removes Debian's own packages, with their own maintainer scripts and their real daemons,
// under real systemd, while clients knock at every trigger: once as Debian has it, and once with pidproof's wrappers. The
// witness sees it from within the host, judge.go says what that means, and `make census` writes docs/ondemand.md.
package census

import (
	"slices"
	"strings"
)

// Seen is what the witness saw of one operation on one package.
type Seen struct {
	Package   string
	Version   string
	Operation Operation
	Exit      int      // dpkg's
	Triggers  []string // what was knocked at
	Rounds    int      // how often at each, at least, from before the first script to after the last
	Calls     []Call
	Starts    []Start           // of the package's services, from the first script on
	Half      map[string]string // what each of its services did while half of its files were new, or gone: Old, Started, Stopped
	Units     map[string]string // the package's units before: ActiveState
	Changed   []string          // of its units and listening sockets afterwards; after removal: what is left
	Others    []string          // units of others that were stopped, or have failed
	Said      []string          // lines of pidproof
	Phases    []string          // what dpkg did, in its order
}

// Operation is what dpkg was asked for.
type Operation string

// The operations of a census.
const (
	Install Operation = "install"
	Upgrade Operation = "upgrade"
	Remove  Operation = "remove"
)

// What a service did while dpkg was held.
const (
	Old     = "old"     // the process of before runs on
	Started = "started" // a process runs that was started since
	Stopped = "stopped"
)

// Call is a program that a maintainer script called, and when it began, in seconds.
type Call struct {
	Script, Command string
	When            float64
}

// wrapped reports that a call is for a stop, by a program that has a wrapper.
func (c Call) wrapped() bool {
	words := strings.Fields(c.Command)
	return words[0] != "systemctl" && slices.Contains(words, "stop")
}

// Asked is when a script first called for a stop by a program that has a wrapper; 0: never.
func (s Seen) Asked() float64 {
	if i := slices.IndexFunc(s.Calls, Call.wrapped); i >= 0 {
		return s.Calls[i].When
	}
	return 0
}

// Start is a service that systemd started when During had begun, and nothing after it: dpkg itself, a maintainer script,
// unpack, or the end.
type Start struct {
	Unit, During string
	Calls        int  // of the scripts, that had begun
	Again        bool // systemd had stopped it since a script first called for a stop, but systemctl
}

// Mode is what stands in front of Debian's programs.
type Mode string

// The modes of a census.
const (
	Plain   Mode = "plain"
	Wrapped Mode = "wrapped"
)

// Result is what was seen in a mode.
type Result struct {
	Mode Mode
	Seen Seen
}
