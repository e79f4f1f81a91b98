// Package healing is the proof that the patches heal: Debian's own init scripts and daemons in booted hosts, stock and
// patched side by side, in every state of the daemon that a script may meet. testdata/lab takes the steps, compare.go says
// what they mean, and `make healing` writes docs/healing.md.
package healing

// Service is one whose init script asks or signals by a bare number or name, and that `pidproof audit --write` mends.
type Service struct {
	Name     string   // of the script
	Packages []string // the first has the script
	Daemon   string   // what /proc/PID/exe of its processes leads to
	Args     string   // what their arguments have in them, where Daemon is an interpreter
	File     string   // what an upgrade replaces, where that is not the daemon
	Pidfile  string
	Prepare  string // a shell script, after the installation
	Second   string // a command that starts another instance beside it
	Actions  string // what the script knows beyond its usage line
	// Itself are actions in which not the script but the daemon's own program takes whoever its pidfile names for itself.
	Itself string
	// Races are actions that start the daemon again before all of it has gone: whether it comes up is a matter of moments.
	Races  string
	Leaves string // actions whose places the audit names, and leaves
	Few    bool   // also in `make test`
}

// Script is its path.
func (s Service) Script() string { return "/etc/init.d/" + s.Name }
