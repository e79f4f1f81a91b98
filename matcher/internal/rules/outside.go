package rules

import "pidproof/matcher/internal/fact"

// Outside is what is asked of a process that runs the daemon, and that no pidfile accounts
// for: is it the daemon itself, whose pidfile was lost? Daemons leave behind what is none: a
// session of sshd, dropbear or vsftpd, a job of cron or at, a delivery of exim. And anybody
// may run the daemon's program. Nobody but root may keep root's daemon from being started, so
// what an ordinary user can bring about never counts.
type Outside struct {
	Evidence fact.Evidence // with File

	// Trusted: it is root's, or of a user who could have written the pidfile.
	Trusted bool
	// OurSession: it was started with us.
	OurSession bool
	// Titled: it does not go by the daemon's name any more.
	Titled bool
	// LeaderLives: its session has a leader.
	LeaderLives bool
	// Busy: it has a child that runs something else, or that cannot be told.
	Busy bool

	Listening []fact.Socket
	// Serves: it has a TCP connection at a port that it does not listen on: it is a client,
	// or one client's session.
	Serves bool
}

// IsDaemon answers that. What listens is told by that; of what does not little is left but
// that a daemon leads its own session, setsid(2), or is the only child of who did: the next
// number, which no worker of a session can have that was begun by the one before.
func (o Outside) IsDaemon() bool {
	e := o.Evidence
	setuid := e.File.State != fact.Known || e.File.Value.Setuid
	switch {
	case !o.Trusted, setuid, o.OurSession, o.Serves:
		return false
	case len(o.Listening) > 0:
		return true
	}
	alone := e.Session == e.PID || e.PID == e.Session+1 && !o.LeaderLives
	return alone && !o.Titled && !e.Terminal && !o.Busy
}
