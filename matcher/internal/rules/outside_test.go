package rules

import (
	"errors"
	"testing"

	"pidproof/matcher/internal/fact"
)

// Issue 15.10: what runs outside every pidfile is the daemon, or what daemons leave behind.
func TestIsDaemon(t *testing.T) {
	file := fact.Of(fact.RunningFile{})
	leader := fact.Evidence{PID: 100, Session: 100, File: file}
	forkedTwice := fact.Evidence{PID: 101, Session: 100, File: file}
	worker := fact.Evidence{PID: 107, Session: 100, File: file}
	port := []fact.Socket{{Kind: "tcp", Address: "0.0.0.0:22"}}
	with := func(e fact.Evidence, change func(*Outside)) Outside {
		o := Outside{Evidence: e, Trusted: true}
		if change != nil {
			change(&o)
		}
		return o
	}
	for _, c := range []struct {
		name string
		o    Outside
		want bool
	}{
		{"daemon(3)", with(leader, nil), true},
		{"forked twice, as by --background", with(forkedTwice, nil), true},
		{"below a shell that was given no terminal", with(forkedTwice, func(o *Outside) { o.LeaderLives = true }), false},
		{"left over by a daemon that has ended", with(worker, nil), false},
		{"the same, with its port", with(worker, func(o *Outside) { o.Listening = port }), true},
		{"an ordinary user's", with(leader, func(o *Outside) { o.Trusted, o.Listening = false, port }), false},
		{"started with us", with(leader, func(o *Outside) { o.OurSession, o.Listening = true, port }), false},
		{"a session of sshd, a job of cron", with(leader, func(o *Outside) { o.Titled = true }), false},
		{"sshd, which calls itself sshd: listener", with(leader, func(o *Outside) { o.Titled, o.Listening = true, port }), true},
		{"a session of dropbear, with its shell", with(leader, func(o *Outside) { o.Busy = true }), false},
		{"a session of dropbear that only forwards", with(leader, func(o *Outside) { o.Serves, o.Listening = true, port }), false},
		{"at, and a job of it, as its first child", with(forkedTwice, func(o *Outside) { o.Busy = true }), false},
		{"at a terminal", with(fact.Evidence{PID: 100, Session: 100, Terminal: true, File: file}, nil), false},
		{"anybody may have started it", with(fact.Evidence{PID: 100, Session: 100, File: fact.Of(fact.RunningFile{Setuid: true})}, nil), false},
		{"its file cannot be read", with(fact.Evidence{PID: 100, Session: 100, File: fact.Failed[fact.RunningFile](errors.ErrUnsupported)}, nil), false},
	} {
		if got := c.o.IsDaemon(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
