package rules

import (
	"path/filepath"
	"slices"

	"pidproof/matcher/internal/fact"
)

// Outside is what is asked of a process that runs the daemon, and that no pidfile accounts
// for: is it the daemon itself, whose pidfile was lost? Daemons leave behind what is none: a
// session of sshd, dropbear or vsftpd, a job of cron or at, a delivery of exim. And anybody
// may run the daemon's program. Nobody but root may keep root's daemon from being started, so
// what an ordinary user can bring about never counts.
type Outside struct {
	Evidence fact.Evidence // with File

	// Trusted: it is root's, or of a user who could have written the pidfile.
	Trusted bool
	// System: its user is none of the host's people, login.defs(5).
	System bool
	// Privileged: it holds capabilities that only root can have given it.
	Privileged bool
	// ByTitle: what it calls itself is all that says that it runs the daemon.
	ByTitle bool
	// Program is, of an interpreter's process, what is known of what it runs.
	Program Program
	// OurSession: it was started with us.
	OurSession bool
	// Titled: it does not go by the daemon's name any more.
	Titled bool
	// LeaderLives: its session has a leader.
	LeaderLives bool
	// Orphan: its parent is of another session: who had started it has ended.
	Orphan bool
	// Busy: it has a child that runs something else, or that cannot be told.
	Busy bool

	Listening []fact.Socket
	// Serves: it has a TCP connection at a port that it does not listen on: it is a client,
	// or one client's session.
	Serves bool
}

// Doubt is why a process may not be the daemon. Then a person is told of it, and no more.
type Doubt string

const (
	DoubtSetuid   Doubt = "anybody may have started it, for its file is setuid"
	DoubtTitle    Doubt = "nothing but its title says so"
	DoubtLeftover Doubt = "the daemon may have left it behind"
	DoubtProgram  Doubt = "that interpreter may run any program"
)

// Program says whether a process runs what the daemon is.
type Program int

const (
	ProgramIts    Program = iota // its file says so, or its arguments
	ProgramUntold                // the daemon is an interpreter, and they do not say
	ProgramOther                 // the daemon is an interpreter, and they say that it runs something else
)

// ProgramOf answers that: the daemon that --exec /usr/bin/java names is not every
// application on the host. given is what it is started with; of a script it begins with the
// path, before which there may be options of the interpreter's.
func (d Daemon) ProgramOf(argv fact.Fact[[]string], given []string) Program {
	switch {
	case d.Script != nil || !d.RunsAnything():
		return ProgramIts
	case len(given) == 0 || argv.State != fact.Known || !d.Calls(argv.Value):
		return ProgramUntold
	}
	first := len(argv.Value) - len(given)
	if first < 1 || first > 1 && !filepath.IsAbs(given[0]) || !slices.Equal(argv.Value[first:], given) {
		return ProgramOther
	}
	return ProgramIts
}

// IsDaemon answers that. What listens is told by that; of what does not little is left but
// that a daemon leads its own session, setsid(2), or is a child of who did.
func (o Outside) IsDaemon() (is bool, doubt Doubt) {
	e := o.Evidence
	if o.OurSession || o.Serves || o.Program == ProgramOther || e.File.State != fact.Known || !(o.Trusted || o.startedByRoot()) {
		return false, ""
	}
	listens := len(o.Listening) > 0
	switch {
	case e.File.Value.Setuid:
		return o.rootsSocket(), DoubtSetuid
	case o.ByTitle:
		return listens, DoubtTitle
	case o.Program == ProgramUntold:
		return listens, DoubtProgram
	case listens:
		return true, ""
	case o.Titled, e.Terminal, o.Busy:
		return false, ""
	}
	// Of a session that one before has begun, no worker can have the next number.
	switch alone := e.Session == e.PID; {
	case alone, !o.LeaderLives && e.PID == e.Session+1:
		return true, ""
	default:
		return !o.LeaderLives && o.Orphan, DoubtLeftover
	}
}

// startedByRoot reports of a user's process that root has begun it, as daemons do that give
// up their rights: no login, job or setuid program leaves anybody with such a socket, nor
// with capabilities. Of people an administrator may have made exceptions.
func (o Outside) startedByRoot() bool {
	return o.System && (o.Privileged || o.rootsSocket())
}

func (o Outside) rootsSocket() bool {
	return slices.ContainsFunc(o.Listening, func(s fact.Socket) bool { return s.Roots })
}
