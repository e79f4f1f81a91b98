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
	rootsPort := []fact.Socket{{Kind: "tcp", Address: "0.0.0.0:80"}, {Kind: "tcp", Address: "0.0.0.0:22", Roots: true}}
	orphan := func(o *Outside) { o.Orphan = true }
	setuid := fact.Evidence{PID: 100, Session: 100, File: fact.Of(fact.RunningFile{Setuid: true})}
	with := func(e fact.Evidence, change func(*Outside)) Outside {
		o := Outside{Evidence: e, Trusted: true}
		if change != nil {
			change(&o)
		}
		return o
	}
	for _, c := range []struct {
		name  string
		o     Outside
		want  bool
		doubt Doubt
	}{
		{"daemon(3)", with(leader, nil), true, ""},
		{"forked twice, as by --background", with(forkedTwice, nil), true, ""},
		{"below a shell that was given no terminal", with(forkedTwice, func(o *Outside) { o.LeaderLives = true }), false, ""},
		{"left over by a daemon that has ended", with(worker, nil), false, ""},
		{"the same, with its port", with(worker, func(o *Outside) { o.Listening = port }), true, ""},
		{"an ordinary user's", with(leader, func(o *Outside) { o.Trusted, o.Listening = false, port }), false, ""},
		{"started with us", with(leader, func(o *Outside) { o.OurSession, o.Listening = true, port }), false, ""},
		{"root gave it a capability", with(leader, func(o *Outside) { o.Trusted, o.System, o.Privileged = false, true, true }), true, ""},
		{"the same of a person's", with(leader, func(o *Outside) { o.Trusted, o.Privileged = false, true }), false, ""},
		{"root made its socket", with(leader, func(o *Outside) { o.Trusted, o.System, o.Listening = false, true, rootsPort }), true, ""},
		{"the same of a person's", with(leader, func(o *Outside) { o.Trusted, o.Listening = false, rootsPort }), false, ""},
		{"of the system, and its socket is its own", with(leader, func(o *Outside) { o.Trusted, o.System, o.Listening = false, true, port }), false, ""},
		{"a session of sshd, a job of cron", with(leader, func(o *Outside) { o.Titled = true }), false, ""},
		{"sshd, which calls itself sshd: listener", with(leader, func(o *Outside) { o.Titled, o.Listening = true, port }), true, ""},
		{"a session of dropbear, with its shell", with(leader, func(o *Outside) { o.Busy = true }), false, ""},
		{"a session of dropbear that only forwards", with(leader, func(o *Outside) { o.Serves, o.Listening = true, port }), false, ""},
		{"at, and a job of it, as its first child", with(forkedTwice, func(o *Outside) { o.Busy = true }), false, ""},
		{"at a terminal", with(fact.Evidence{PID: 100, Session: 100, Terminal: true, File: file}, nil), false, ""},
		{"anybody may have started it", with(setuid, func(o *Outside) { o.Listening = port }), false, ""},
		{"exim, which has given up root's rights", with(setuid, func(o *Outside) { o.Trusted, o.System, o.Listening = false, true, rootsPort }), true, DoubtSetuid},
		{"a person's setuid program, with root's socket", with(setuid, func(o *Outside) { o.Trusted, o.Listening = false, rootsPort }), false, ""},
		{"postgrey, which calls itself so", with(leader, func(o *Outside) { o.Trusted, o.System, o.ByTitle, o.Listening = false, true, true, rootsPort }), true, DoubtTitle},
		{"a person's, who calls it so", with(leader, func(o *Outside) { o.Trusted, o.ByTitle, o.Listening = false, true, port }), false, ""},
		{"another program of that interpreter", with(leader, func(o *Outside) { o.Program, o.Listening = ProgramOther, port }), false, ""},
		{"some program of that interpreter", with(leader, func(o *Outside) { o.Program, o.Listening = ProgramUntold, port }), true, DoubtProgram},
		{"some program of that interpreter, without a port", with(leader, func(o *Outside) { o.Program = ProgramUntold }), false, DoubtProgram},
		{"forked twice on a busy host", with(worker, orphan), true, DoubtLeftover},
		{"the same, with its leader", with(worker, func(o *Outside) { o.Orphan, o.LeaderLives = true, true }), false, ""},
		{"the same, which calls itself something else", with(worker, func(o *Outside) { o.Orphan, o.Titled = true, true }), false, ""},
		{"its file cannot be read", with(fact.Evidence{PID: 100, Session: 100, File: fact.Failed[fact.RunningFile](errors.ErrUnsupported)}, nil), false, ""},
	} {
		if is, doubt := c.o.IsDaemon(); is != c.want || is && doubt != c.doubt {
			t.Errorf("%s: %v (%s), want %v (%s)", c.name, is, doubt, c.want, c.doubt)
		}
	}
}
