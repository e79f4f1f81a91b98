package lab

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOnDemandInetd: under sysvinit it is inetd that still answers after invoke-rc.d has stopped a service.
func TestOnDemandInetd(t *testing.T) { onBoth(t, testOnDemandInetd) }

func testOnDemandInetd(t *testing.T, d debian) {
	h := d.boot(t)
	h.Must(t, "rm -f /etc/inetd.conf")
	h.Install(t, "openbsd-inetd", "update-inetd")
	installModuled(t, h)
	m := newScripted(t, h, "modd", 7100)
	// As packages and administrators write lines, by name and by daemon; beside what is off, and what is somebody else's.
	m.Must(t, fmt.Sprintf(`printf 'modd 7100/tcp\nother 7101/tcp\nalias 7102/tcp\n' >>/etc/services
		cat >>/etc/inetd.conf <<'END'
#:OTHER: Other services
modd		stream	tcp	nowait	root	%[1]s  moduled -inetd  -modules %[2]s 	
#<off># modd	stream	tcp6	nowait	root	%[1]s moduled -inetd -modules /nowhere
# modd is not this line
other stream tcp nowait root /usr/local/sbin/other moduled -inetd -modules %[2]s
alias stream tcp nowait root %[1]s moduled -inetd -modules %[2]s
END
		cp %[1]s /usr/local/sbin/other
		echo 'OPTIONS="-R 1000000"' >/etc/default/openbsd-inetd # clients a minute, inetd(8)
		chgrp adm /etc/inetd.conf && chmod 640 /etc/inetd.conf
		invoke-rc.d openbsd-inetd restart`, modulesFile, m.modules()))
	l := newLoad(t, h, m.address())
	other := newLoad(t, h, "127.0.0.1:7101")
	other.answered(t, time.Now())
	alias := newLoad(t, h, "127.0.0.1:7102")

	t.Run("control", func(t *testing.T) {
		l.answered(t, time.Now())
		m.call(t, 0, "modd", "stop")
		l.answered(t, time.Now())
		m.call(t, 0, "modd", "start")
	})
	t.Run("control, upgraded", func(t *testing.T) { requireMix(t, m.upgrade(t, l)) })
	installOnDemand(t, h)
	t.Run("held", func(t *testing.T) { m.heldOffInetd(t, other, l, alias) })
	t.Run("edited meanwhile", func(t *testing.T) { m.inetdEdited(t, l) })
	t.Run("allowed", func(t *testing.T) {
		m.call(t, 0, "--allow-on-demand", "modd", "stop")
		l.answered(t, time.Now())
		m.call(t, 0, "modd", "start")
	})
	t.Run("upgraded", func(t *testing.T) {
		m.version(t, "old", "first", "second")
		requireNoMix(t, m.upgrade(t, l))
	})
	if d.few {
		return
	}
	t.Run("given back", func(t *testing.T) {
		before := m.inetdConf(t)
		stoppingPackage(t, h, "stops-modd", "invoke-rc.d modd stop")
		h.Must(t, "touch /run/stops-modd-fails; { ! dpkg -i /run/stops-modd.deb; } 8>/run/lent && "+waiter)
		if held := h.Sh(t, "ls -l /proc/$("+waiter+" | head -n 1)/fd | grep /run/lent"); held.Code == 0 {
			t.Errorf("who waits keeps what dpkg's caller has open: %s", held.Stdout)
		}
		if m.inetdConf(t) == before {
			t.Error("nothing was held off")
		}
		h.Must(t, "rm /run/stops-modd-fails && dpkg --configure -a")
		eventually(t, "nobody waits for dpkg any more", func() bool { return h.Sh(t, waiter).Code != 0 })
		if after := m.inetdConf(t); after != before {
			t.Errorf("inetd.conf is\n%s\nit was\n%s", after, before)
		}
		l.answered(t, time.Now())
		m.call(t, 0, "modd", "start")
	})
	t.Run("stuck session", m.stuckSession)
	t.Run("inetd stopped", func(t *testing.T) {
		m.Must(t, realInvoke+" openbsd-inetd stop")
		before := m.inetdConf(t)
		m.call(t, 0, "modd", "stop")
		m.call(t, 0, "modd", "start")
		if after := m.inetdConf(t); after != before {
			t.Errorf("inetd.conf is\n%s\nit was\n%s", after, before)
		}
	})
}

// inetdConf is the file with its owner, group and mode.
func (m modular) inetdConf(t *testing.T) string {
	t.Helper()
	return m.Must(t, "stat -c '%U %G %a' /etc/inetd.conf; cat /etc/inetd.conf")
}

func (m modular) heldOffInetd(t *testing.T, other *load, ours ...*load) {
	before := m.inetdConf(t)
	listed := m.Must(t, "pidproof triggers modd")
	if !strings.Contains(listed, "inetd") || strings.Contains(listed, "other") {
		t.Errorf("triggers says\n%s\nwant the line of modd in inetd.conf, and no other's", listed)
	}
	for range 3 {
		m.call(t, 0, "modd", "stop")
		stopped := time.Now()
		for _, l := range ours {
			l.nobodyServed(t, stopped)
			if conn, err := m.dial(l.address, clientPatience); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%s answers: %v, %v", l.address, conn, err)
			}
		}
		other.answered(t, stopped)
		if held := m.inetdConf(t); !strings.Contains(held, "\n#<off># modd\t\tstream") || held == before {
			t.Errorf("inetd.conf has no line that update-inetd would know:\n%s", held)
		}
		m.call(t, 0, "modd", "start")
		for _, l := range ours {
			l.answered(t, time.Now())
		}
		if after := m.inetdConf(t); after != before {
			t.Errorf("inetd.conf is\n%s\nit was\n%s", after, before)
		}
	}
}

// inetdEdited: what others write into the file meanwhile stays.
func (m modular) inetdEdited(t *testing.T, l *load) {
	before := m.inetdConf(t)
	const line = "\n# added by the administrator\n"
	m.call(t, 0, "modd", "stop")
	m.Must(t, "printf '\\n# added by the administrator\\n' >>/etc/inetd.conf")
	m.call(t, 0, "modd", "start")
	l.answered(t, time.Now())
	if after := m.inetdConf(t); after != before+line {
		t.Errorf("inetd.conf is\n%s\nwant\n%s", after, before+line)
	}
}
