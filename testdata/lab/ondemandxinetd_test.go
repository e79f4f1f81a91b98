package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOnDemandXinetd: xinetd serves what its own files have, and inetd.conf's lines with -inetd_compat, as Debian starts
// it; then inetutils-inetd takes its place, which reads /etc/inetd.d. Issue 16.6.
func TestOnDemandXinetd(t *testing.T) {
	t.Parallel()
	h := Boot(t)
	h.Must(t, "rm -rf /etc/inetd.conf /etc/inetd.d /etc/xinetd.d /etc/xinetd.conf")
	h.Install(t, "xinetd")
	installModuled(t, h)
	m := newScripted(t, h, "modd", 7100)
	// In both, as packages have it, by name; a second one by its daemon, served by -inetd_compat; beside it what is
	// somebody else's.
	m.Must(t, fmt.Sprintf(`printf 'modd 7100/tcp\nother 7101/tcp\nalias 7102/tcp\n' >>/etc/services
		cat >/etc/xinetd.d/modd <<'END'
# default: on
service modd
{
	disable		= no
	socket_type	= stream
	wait		= no
	user		= root
	server		= %[1]s
	server_args	= -inetd -modules %[2]s
}
  service	keep
{
	id = keep-stream
	type = UNLISTED
	port = 7103
	bind = 127.0.0.1
	socket_type = stream
	protocol = tcp
	wait = no
	user = nobody
	server = /bin/cat
} 	
END
		cp /etc/xinetd.d/modd /etc/xinetd.d/modd.dpkg-old
		cat >/etc/inetd.conf <<'END'
modd	stream	tcp	nowait	root	%[1]s moduled -inetd -modules /nowhere
other stream tcp nowait root /usr/local/sbin/other moduled -inetd -modules %[2]s
alias stream tcp nowait root %[1]s moduled -inetd -modules %[2]s
END
		cp %[1]s /usr/local/sbin/other
		sed -i 's/^{/{\n\tcps = 1000000 1/' /etc/xinetd.conf
		chgrp adm /etc/xinetd.d/modd && chmod 640 /etc/xinetd.d/modd
		invoke-rc.d xinetd restart`, modulesFile, m.modules()))
	l, alias, other := newLoad(t, h, m.address()), newLoad(t, h, "127.0.0.1:7102"), newLoad(t, h, "127.0.0.1:7101")
	l.answered(t, time.Now())
	alias.answered(t, time.Now())

	t.Run("control, upgraded", func(t *testing.T) { requireMix(t, m.upgrade(t, l)) })
	installOnDemand(t, h)
	files := superserved{m, "/etc/xinetd.d/modd /etc/inetd.conf", "127.0.0.1:7103"}
	t.Run("held", func(t *testing.T) {
		files.held(t, []string{"xinetd /etc/xinetd.d/modd:2 enabled", "inetd /etc/inetd.conf:1 enabled", "inetd /etc/inetd.conf:3 enabled"}, other, l, alias)
	})
	t.Run("upgraded", func(t *testing.T) {
		m.version(t, "old", "first", "second")
		requireNoMix(t, m.upgrade(t, l))
	})
	t.Run("edited meanwhile", func(t *testing.T) { files.edited(t, l) })
	t.Run("killed", func(t *testing.T) { files.killed(t, l) })
	t.Run("sessions", files.xinetdSessions)
	t.Run("not armed", files.listenerElsewhere)
	t.Run("without compatibility", func(t *testing.T) {
		// Its script waits neither for its end nor for its pidfile.
		m.Must(t, realInvoke+" xinetd stop && while pgrep -x xinetd; do sleep 0.1; done; rm -f /run/xinetd.pid")
		m.Must(t, "sed -i s/^INETD_COMPAT=.*/INETD_COMPAT=No/ /etc/default/xinetd && "+realInvoke+" xinetd start")
		eventually(t, "xinetd has its pidfile", func() bool { return m.Sh(t, "test -s /run/xinetd.pid").Code == 0 })
		files.lists(t, "xinetd /etc/xinetd.d/modd:2 enabled", "inetd /etc/inetd.conf:1 no inetd", "inetd /etc/inetd.conf:3 no inetd")
	})
	t.Run("xinetd stopped", func(t *testing.T) {
		m.Must(t, realInvoke+" xinetd stop && while pgrep -x xinetd; do sleep 0.1; done")
		files.lists(t, "xinetd /etc/xinetd.d/modd:2 no xinetd")
		files.untouched(t)
	})
	t.Run("inetutils-inetd", func(t *testing.T) { files.inetutils(t, other, l) })
}

// superserved is a service in files of superservers.
type superserved struct {
	modular
	files string
	keep  string // address of cat(1), another service's
}

// state is the files with their owner, group and mode.
func (s superserved) state(t *testing.T) string {
	t.Helper()
	return s.Must(t, "stat -c '%n %U %G %a' "+s.files+"; cat "+s.files)
}

// lists requires rows of triggers.
func (s superserved) lists(t *testing.T, rows ...string) {
	t.Helper()
	listed := s.Must(t, "pidproof triggers "+s.name)
	plain := "\n" + strings.Join(strings.FieldsFunc(listed, func(r rune) bool { return r == ' ' }), " ")
	for _, row := range rows {
		if !strings.Contains(plain, "\n"+row+" yes") {
			t.Errorf("triggers says\n%s\nwant %s", listed, row)
		}
	}
	if strings.Contains(listed, "other") || strings.Contains(listed, "keep") {
		t.Errorf("triggers says\n%s\nand that is another service's", listed)
	}
}

func (s superserved) held(t *testing.T, rows []string, other *load, ours ...*load) {
	before := s.state(t)
	s.lists(t, rows...)
	session, err := s.dial(s.keep, clientPatience)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	echoes(t, session) // it is no longer in the queue of the listener, which a SIGHUP may empty
	s.call(t, 0, s.name, "stop")
	stopped := time.Now()
	for _, l := range ours {
		l.nobodyServed(t, stopped)
		if conn, err := s.dial(l.address, clientPatience); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s answers: %v, %v", l.address, conn, err)
		}
	}
	other.answered(t, stopped)
	echoes(t, session)
	if held := s.state(t); held == before || !strings.Contains(held, "# Held off by pidproof for "+s.name) {
		t.Errorf("the files are\n%s", held)
	}
	if left := s.processes(t); len(left) > 0 {
		t.Errorf("it is stopped, and these run: %v", left)
	}
	s.call(t, 0, s.name, "start")
	for _, l := range ours {
		l.answered(t, time.Now())
	}
	if after := s.state(t); after != before {
		t.Errorf("the files are\n%s\nthey were\n%s", after, before)
	}
	echoes(t, session)
}

// echoes requires that a session of cat(1) goes on.
func echoes(t *testing.T, session net.Conn) {
	t.Helper()
	_ = session.SetDeadline(time.Now().Add(clientPatience))
	if _, err := io.WriteString(session, "x\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(session).ReadString('\n'); line != "x\n" {
		t.Errorf("the session of another service has ended: %q, %v", line, err)
	}
}

// edited: what others write into the file meanwhile stays, and comes into effect.
func (s superserved) edited(t *testing.T, l *load) {
	before := s.state(t)
	s.call(t, 0, s.name, "stop")
	if held := s.state(t); strings.Count(held, "# Held off by pidproof for "+s.name) != 3 {
		t.Errorf("the files are\n%s", held)
	}
	s.Must(t, `sed -i 's/^\tuser\t\t= root/\tuser\t\t= daemon/; 1s/^/# mine\n/' /etc/xinetd.d/modd`)
	s.call(t, 0, s.name, "start")
	l.answered(t, time.Now())
	s.Must(t, `sed -i '1d; s/^\tuser\t\t= daemon/\tuser\t\t= root/' /etc/xinetd.d/modd`)
	if after := s.state(t); after != before {
		t.Errorf("the files are\n%s\nwant\n%s", after, before)
	}
}

// killed: wherever quiesce is killed, the next call finishes it or undoes it. strace counts the calls of each thread, so
// that a step is not always the same.
func (s superserved) killed(t *testing.T, l *load) {
	before := s.state(t)
	const calls = "renameat,renameat2,fsync,pidfd_send_signal"
	for step := 1; ; step++ {
		ended := s.Sh(t, fmt.Sprintf("GOMAXPROCS=1 strace -f -qq -o /dev/null -e trace=%s -e inject=%[1]s:signal=KILL:when=%d pidproof quiesce %s", calls, step, s.name))
		if ended.Code == 0 && step < 4 || ended.Code != 0 && ended.Code != 128+int(syscall.SIGKILL) {
			t.Fatalf("step %d: %+v", step, ended)
		}
		if step%3 == 0 {
			s.Must(t, "pidproof quiesce "+s.name)
			if conn, err := s.dial(l.address, clientPatience); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("step %d: %s answers: %v, %v", step, l.address, conn, err)
			}
		}
		s.Must(t, "pidproof unquiesce "+s.name+" && invoke-rc.d "+s.name+" start")
		l.answered(t, time.Now())
		if after := s.state(t); after != before {
			t.Fatalf("step %d: the files are\n%s\nthey were\n%s", step, after, before)
		}
		if ended.Code == 0 {
			t.Logf("%d steps", step-1)
			break
		}
	}
	s.Must(t, "cd /etc && rm -f .inetd.conf[0-9]* xinetd.d/.modd[0-9]* /run/pidproof/quiesced/.modd[0-9]*")
}

// untouched: where nothing serves it, nothing is held off.
func (s superserved) untouched(t *testing.T) {
	before := s.state(t)
	s.call(t, 0, s.name, "stop")
	s.call(t, 0, s.name, "start")
	if after := s.state(t); after != before {
		t.Errorf("the files are\n%s\nthey were\n%s", after, before)
	}
}

// xinetdSessions: xinetd kills, with SIGKILL, what it has started for a service that it has no more. They get SIGTERM
// before, and a command that runs in one is not killed with it.
func (s superserved) xinetdSessions(t *testing.T) {
	s.Must(t, `printf '#!/bin/sh\ntrap "echo ended >/run/polite; exit" TERM\necho ready\nwhile sleep 0.1; do :; done\n' >/usr/local/sbin/polited
		printf '#!/bin/sh\npidproof quiesce selfd 2>&1; echo exit $?\n' >/usr/local/sbin/selfd
		chmod 755 /usr/local/sbin/polited /usr/local/sbin/selfd
		for of in polited:7104 selfd:7105; do
			printf 'service %s\n{\ntype = UNLISTED\nsocket_type = stream\nprotocol = tcp\nport = %s\nwait = no\nuser = root\nserver = /usr/local/sbin/%s\n}\n' ${of%:*} ${of#*:} ${of%:*} >/etc/xinetd.d/${of%:*}
		done
		invoke-rc.d xinetd reload`)
	first := func(address string) (said string) {
		eventually(t, address+" answers", func() bool {
			conn, err := s.dial(address, clientPatience)
			if err != nil {
				return false
			}
			t.Cleanup(func() { conn.Close() })
			_ = conn.SetDeadline(time.Now().Add(10 * clientPatience))
			said, _ = bufio.NewReader(conn).ReadString('\n')
			return said != ""
		})
		return said
	}
	first("127.0.0.1:7104")
	if got := s.Sh(t, "pidproof quiesce polited"); got.Code != 0 {
		t.Errorf("quiesce: %+v", got)
	}
	if got := s.Must(t, "cat /run/polite; pidproof unquiesce polited"); got != "ended\npolited: restored: /etc/xinetd.d/polited\n" {
		t.Errorf("%s", got)
	}
	before := s.Must(t, "cat /etc/xinetd.d/selfd")
	if said := first("127.0.0.1:7105"); !strings.Contains(said, "selfd: not stopped: xinetd would kill process ") || !strings.Contains(said, ", under which this command runs: call it from elsewhere") {
		t.Errorf("in a session of its own: %s", said)
	}
	if after := s.Must(t, "cat /etc/xinetd.d/selfd; rm /etc/xinetd.d/selfd /etc/xinetd.d/polited"); after != before {
		t.Errorf("%s", after)
	}
}

// listenerElsewhere: who listens where a trigger that is off would is named.
func (s superserved) listenerElsewhere(t *testing.T) {
	s.Must(t, `printf 'service offd\n{\ntype = UNLISTED\nsocket_type = stream\nprotocol = tcp\nport = 7103\nwait = no\nuser = root\nserver = /bin/true\ndisable = yes\n}\n' >/etc/xinetd.d/offd`)
	if got := s.Must(t, "pidproof triggers offd"); !strings.Contains(got, " off ") {
		t.Errorf("%s", got)
	}
	if got := s.Sh(t, "pidproof quiesce offd"); got.Code != 1 || !strings.Contains(got.Stderr, "somebody still listens on tcp 7103: ss -lntup") {
		t.Errorf("quiesce: %+v", got)
	}
	s.Must(t, "rm /etc/xinetd.d/offd")
}

// inetutils: every file in /etc/inetd.d is read, whatever its name.
func (s superserved) inetutils(t *testing.T, other, l *load) {
	s.Must(t, "dpkg --purge xinetd && rm -f /etc/inetd.conf "+debsInHost+"/xinetd_* && echo 'INETD_OPTS=\"-R 1000000\"' >/etc/default/inetutils-inetd")
	s.Install(t, "inetutils-inetd")
	s.files = "/etc/inetd.d/.modd~ /etc/inetd.d/several"
	s.Must(t, fmt.Sprintf(`mkdir -p /etc/inetd.d
		printf ' modd	stream tcp nowait root %[1]s moduled -inetd -modules %[2]s' >/etc/inetd.d/.modd~
		cat >/etc/inetd.d/several <<'END'
# all
other stream tcp nowait root /usr/local/sbin/other moduled -inetd -modules %[2]s
 7103 stream tcp nowait nobody /bin/cat cat
	127.0.0.2:7102 stream tcp nowait root %[1]s moduled -inetd -modules %[2]s
END
		chgrp adm /etc/inetd.d/several && chmod 640 /etc/inetd.d/several
		ln -s ../nowhere /etc/inetd.d/dangling
		invoke-rc.d inetutils-inetd restart`, modulesFile, s.modules()))
	l.answered(t, time.Now())
	second := newLoad(t, s.Host, "127.0.0.2:7102")
	second.answered(t, time.Now())
	s.held(t, []string{"inetd /etc/inetd.d/.modd~:1 enabled", "inetd /etc/inetd.d/several:4 enabled"}, other, l, second)
	if got := s.Must(t, "ls -A /etc/inetd.d"); got != "dangling\n.modd~\nseveral\n" && got != ".modd~\ndangling\nseveral\n" {
		t.Errorf("inetd.d has %s", got)
	}
}
