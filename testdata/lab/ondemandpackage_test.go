package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a package's scripts stop, and do not start themselves; and sockets whose services run when they are to start.

// stoppingPackage makes /run/NAME.deb, whose preinst stops something, and whose postinst starts nothing: it only fails while
// /run/NAME-fails is there.
func stoppingPackage(t *testing.T, h *Host, name, stop string) {
	t.Helper()
	h.Must(t, fmt.Sprintf(`mkdir -p /run/%[1]s/DEBIAN && cd /run/%[1]s/DEBIAN
		printf 'Package: %[1]s\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: stops a service\n' >control
		printf '#!/bin/sh\nexec %[2]s\n' >preinst
		printf '#!/bin/sh\n[ ! -e /run/%[1]s-fails ]\n' >postinst
		chmod 755 preinst postinst && dpkg-deb -b /run/%[1]s /run/%[1]s.deb`, name, stop))
}

// waiter is the process that waits for dpkg.
const waiter = "pgrep -f '^[^ ]*pidproof unquiesce --after-dpkg'"

// testUnstarted: preinst stops a service, and postinst leaves it to its trigger to start it, as rtkit's does. The trigger
// is armed again once dpkg has configured the package, whoever calls dpkg, and not before.
func testUnstarted(t *testing.T, h *Host) {
	h.dpkgAlone(t)
	m := newSocket(t, h, "unstarted", 7360)
	stoppingPackage(t, h, "unstarted", "deb-systemd-invoke stop unstarted.service")
	h.Must(t, "touch /run/unstarted-fails")
	result := h.Sh(t, "dpkg -i /run/unstarted.deb")
	if result.Code == 0 || !strings.Contains(result.Stderr, ", or until dpkg has done with unstarted:all: unstarted.socket\n") {
		t.Fatalf("dpkg: %+v", result)
	}
	h.Must(t, "kill -KILL $("+waiter+")")
	eventually(t, "somebody waits again", func() bool { return h.Sh(t, waiter).Code == 0 })
	if said := h.Must(t, "pidproof after-upgrade"); !strings.Contains(said, " invoke-rc.d unstarted start\n") {
		t.Errorf("dpkg has not configured the package, and after-upgrade says %q", said)
	}
	m.states(t, "inactive", "unstarted.socket")
	h.Must(t, "rm /run/unstarted-fails && dpkg --configure -a")
	eventually(t, "the socket listens again", func() bool { return m.state(t, "unstarted.socket") == "active" })
	m.states(t, "inactive", m.service())
	eventually(t, "nobody waits any more", func() bool { return h.Sh(t, waiter).Code != 0 })
	m.released(t)

	h.Must(t, "dpkg -i /run/unstarted.deb")
	if said := h.Must(t, "pidproof after-upgrade"); strings.Contains(said, "unstarted") {
		t.Errorf("apt's hook came first, and names what it should give back: %q", said)
	}
	m.states(t, "active", "unstarted.socket")
	h.Must(t, "invoke-rc.d unstarted stop") // nobody's package
	held := h.Must(t, "dpkg -i /run/unstarted.deb && pidproof after-upgrade")
	if m.states(t, "inactive", "unstarted.socket"); !strings.Contains(held, " invoke-rc.d unstarted start\n") {
		t.Errorf("what an administrator has stopped was given back with a package: %q", held)
	}
	h.Must(t, "dpkg -P unstarted && pidproof unquiesce unstarted")
	m.released(t)
	t.Run("two packages", func(t *testing.T) { testHeldForTwo(t, h) }) // not in parallel: there is one dpkg, and one that waits
	t.Run("port taken", func(t *testing.T) { testPortTaken(t, h) })
	t.Run("removed", func(t *testing.T) { testRemovedUnit(t, h) })
	t.Run("reconfigured", func(t *testing.T) { testReconfigured(t, h) })
	t.Run("replaced", func(t *testing.T) { testReplacedPackage(t, h) })
}

// testPortTaken: anybody may listen where a socket did that is held off. Once he has ended, the socket does again.
func testPortTaken(t *testing.T, h *Host) {
	m := newSocket(t, h, "taken", 7368)
	stoppingPackage(t, h, "takes", "deb-systemd-invoke stop taken.service")
	h.Must(t, "touch /run/takes-fails; ! dpkg -i /run/takes.deb")
	h.Must(t, "setpriv --reuid=nobody --clear-groups "+modulesFile+" -modules "+m.modules()+" -listen "+m.address()+" >/dev/null 2>&1 & echo $! >/run/taker")
	eventually(t, "somebody listens there", func() bool {
		conn, err := h.dial(m.address(), clientPatience)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	h.Must(t, "rm /run/takes-fails && dpkg --configure -a")
	eventually(t, "the socket has failed", func() bool { return m.state(t, "taken.socket") == "failed" })
	h.Must(t, "kill $(cat /run/taker)")
	eventually(t, "the socket listens again", func() bool { return m.state(t, "taken.socket") == "active" })
	eventually(t, "nobody waits any more", func() bool { return h.Sh(t, waiter).Code != 0 })
	h.Must(t, "dpkg -P takes")
	m.released(t)
}

// testHeldForTwo: what two packages have stopped is given back when dpkg has done with both, and what an administrator has
// stopped meanwhile is not.
func testHeldForTwo(t *testing.T, h *Host) {
	m := newSocket(t, h, "fortwo", 7367)
	for _, name := range []string{"fortwo-a", "fortwo-b"} {
		stoppingPackage(t, h, name, "deb-systemd-invoke stop fortwo.service")
	}
	h.Must(t, "touch /run/fortwo-b-fails")
	result := h.Sh(t, "dpkg -i /run/fortwo-a.deb /run/fortwo-b.deb")
	if result.Code == 0 || !strings.Contains(result.Stderr, ", or until dpkg has done with fortwo-a:all fortwo-b:all: fortwo.socket\n") {
		t.Errorf("dpkg: %+v", result)
	}
	if held := h.Must(t, "cat "+m.record()); !strings.Contains(held, `["fortwo-a:all","fortwo-b:all"]`) {
		t.Errorf("the record is %s", held)
	}
	m.states(t, "inactive", "fortwo.socket")
	h.Must(t, "rm /run/fortwo-b-fails && dpkg --configure -a")
	eventually(t, "the socket listens again", func() bool { return m.state(t, "fortwo.socket") == "active" })

	h.Must(t, "touch /run/fortwo-a-fails; ! dpkg -i /run/fortwo-a.deb")
	if result := h.Sh(t, "pidproof quiesce fortwo"); result.Code != 0 || strings.Contains(result.Stdout, "dpkg") {
		t.Errorf("quiesce: %+v", result)
	}
	h.Must(t, "rm /run/fortwo-a-fails && dpkg --configure -a")
	eventually(t, "nobody waits any more", func() bool { return h.Sh(t, waiter).Code != 0 })
	m.states(t, "inactive", "fortwo.socket")
	h.Must(t, "dpkg -P fortwo-a fortwo-b && pidproof unquiesce fortwo")
	m.released(t)
}

// testRemovedUnit: a package that is removed stops its service, and tells systemd of nothing. Its socket does not come back.
func testRemovedUnit(t *testing.T, h *Host) {
	m := newUnits(t, h, "removed", 7369, nil)
	stoppingPackage(t, h, "removes", "true")
	h.Must(t, `cd /run/removes && mkdir -p usr/lib/systemd/system && mv /etc/systemd/system/removed.service usr/lib/systemd/system
		printf '[Socket]\nListenStream=`+m.address()+`\n[Install]\nWantedBy=sockets.target\n' >usr/lib/systemd/system/removed.socket
		printf '#!/bin/sh\nexec deb-systemd-invoke stop removed.service\n' >DEBIAN/prerm && chmod 755 DEBIAN/prerm
		dpkg-deb -b . /run/removes.deb && dpkg -i /run/removes.deb && systemctl daemon-reload
		systemctl -q enable removed.socket && systemctl start removed.socket && dpkg -r removes`)
	eventually(t, "nobody waits any more", func() bool { return h.Sh(t, waiter).Code != 0 })
	m.states(t, "inactive", "removed.socket")
	h.Must(t, "rm /etc/systemd/system/*.wants/removed.*; systemctl daemon-reload")
	m.released(t)
}

// testReconfigured: dpkg knows of no dpkg-reconfigure. What a script stops there is given back when that has ended.
func testReconfigured(t *testing.T, h *Host) {
	m := newSocket(t, h, "reconf", 7370)
	stoppingPackage(t, h, "reconfigures", "true")
	h.Must(t, `cd /run/reconfigures && printf '#!/bin/sh\nexec deb-systemd-invoke stop reconf.service\n' >DEBIAN/prerm
		printf '#!/bin/sh\n[ ! -e /run/reconf-waits ] || cat /run/reconf-waits\n' >DEBIAN/postinst && chmod 755 DEBIAN/prerm
		dpkg-deb -b . /run/reconfigures.deb && dpkg -i /run/reconfigures.deb && mkfifo /run/reconf-waits
		dpkg-reconfigure reconfigures >/run/reconf.out 2>&1 &`)
	eventually(t, "a script has stopped the service", func() bool { return m.Sh(t, "test -s /run/reconf.out && "+waiter).Code == 0 })
	if said := h.Must(t, "cat /run/reconf.out"); !strings.Contains(said, ", or until dpkg has done with reconfigures:all: reconf.socket\n") {
		t.Errorf("prerm: %q", said)
	}
	if said := h.Must(t, "pidproof after-upgrade"); !strings.Contains(said, " invoke-rc.d reconf start\n") {
		t.Errorf("dpkg-reconfigure has not ended, and after-upgrade says %q", said)
	}
	m.states(t, "inactive", "reconf.socket")
	h.Must(t, "echo >/run/reconf-waits")
	eventually(t, "the socket listens again", func() bool { return m.state(t, "reconf.socket") == "active" })
	eventually(t, "nobody waits any more", func() bool { return h.Sh(t, waiter).Code != 0 })
	h.Must(t, "rm /run/reconf-waits; dpkg -P reconfigures && pidproof unquiesce reconf")
	m.released(t)
}

// testReplacedPackage: a package is removed in favour of another that has the same units. What it has stopped is given back when
// that one is configured.
func testReplacedPackage(t *testing.T, h *Host) {
	m := newUnits(t, h, "replaced", 7371, nil)
	for _, name := range []string{"replaced-old", "replaced-new"} {
		stoppingPackage(t, h, name, "true")
		h.Must(t, `cd /run/`+name+` && mkdir -p usr/lib/systemd/system && cp /etc/systemd/system/replaced.service usr/lib/systemd/system
			printf '`+strings.ReplaceAll(m.socket(), "\n", `\n`)+`' >usr/lib/systemd/system/replaced.socket`)
	}
	h.Must(t, `cd /run && printf '#!/bin/sh\nexec deb-systemd-invoke stop replaced.service\n' >replaced-old/DEBIAN/prerm && chmod 755 replaced-old/DEBIAN/prerm
		printf 'Conflicts: replaced-old\nReplaces: replaced-old\n' >>replaced-new/DEBIAN/control
		dpkg-deb -b replaced-old && dpkg-deb -b replaced-new && rm /etc/systemd/system/replaced.service
		dpkg -i replaced-old.deb && systemctl daemon-reload && systemctl start replaced.socket && touch replaced-new-fails`)
	result := h.Sh(t, "dpkg -i --auto-deconfigure /run/replaced-new.deb")
	if result.Code == 0 || !strings.Contains(result.Stderr, ", or until dpkg has done with replaced-old:all: replaced.socket\n") {
		t.Fatalf("dpkg: %+v", result)
	}
	eventually(t, "the other package is known", func() bool { return h.Sh(t, "grep replaced-new "+m.record()).Code == 0 })
	m.states(t, "inactive", "replaced.socket")
	h.Must(t, "rm /run/replaced-new-fails && dpkg --configure -a")
	eventually(t, "the socket listens again", func() bool { return m.state(t, "replaced.socket") == "active" })
	eventually(t, "nobody waits any more", func() bool { return h.Sh(t, waiter).Code != 0 })
	h.Must(t, "systemctl stop replaced.socket; dpkg -P replaced-new; rm -f /etc/systemd/system/*.wants/replaced.*; systemctl daemon-reload")
	m.released(t)
}

// testRestartedSocket: systemd starts no socket of a service that runs. openssh-server's postinst restarts ssh.socket, and
// its sessions go on.
func testRestartedSocket(t *testing.T, h *Host) {
	m := newUnits(t, h, "resocket", 7362, map[string]string{
		"resocket.service": "[Service]\nKillMode=process\nExecStart=/bin/sh -c 'sleep 7365 3<&- & exec " + modular{name: "resocket"}.command() + "'\n",
	})
	m.addSocket(t)
	l := newLoad(t, h, m.address())
	l.answered(t, time.Now())
	session := ""
	eventually(t, "a session has begun", func() bool {
		session = strings.TrimSpace(h.Sh(t, "pgrep -f '^sleep 7365'").Stdout)
		return session != ""
	})
	m.Must(t, "systemctl stop resocket.socket resocket.service; systemctl start resocket.socket && systemctl start resocket.service")
	if result := h.Sh(t, realUnits+" restart resocket.socket"); result.Code == 0 {
		t.Errorf("the control: %+v", result)
	}
	m.states(t, "inactive", "resocket.socket")
	if result := h.Sh(t, "deb-systemd-invoke restart resocket.socket"); !strings.Contains(result.Stderr, "disabled or a static unit not running") {
		t.Errorf("what did not run before is restarted: %+v", result)
	}
	m.Must(t, "systemctl stop resocket.service && systemctl start resocket.socket && systemctl start resocket.service")
	for _, action := range []string{"restart", "try-restart", "reload-or-restart"} {
		before := m.running(t)
		result := h.Sh(t, "deb-systemd-invoke "+action+" resocket.socket")
		if result.Code != 0 || !strings.Contains(result.Stderr, "pidproof: resocket ran, and was started anew behind its sockets") {
			t.Errorf("%s: %+v", action, result)
		}
		if m.running(t) == before {
			t.Errorf("%s: the service has not made way", action)
		}
		m.restored(t, l)
	}
	// Left to systemd, the one may start before the other has stopped.
	before := m.running(t)
	if result := h.Sh(t, "deb-systemd-invoke restart resocket.service resocket.socket"); result.Code != 0 || m.running(t) == before {
		t.Errorf("both together: %+v", result)
	}
	m.restored(t, l)
	if sessions := strings.Fields(h.Must(t, "pgrep -f '^sleep 7365'")); !slices.Contains(sessions, session) {
		t.Errorf("session %s is cut, there are %s", session, sessions)
	}
	// What upholds a service would have it run again before its socket does.
	m.Must(t, `printf '[Unit]\nUpholds=resocket.service\n' >/etc/systemd/system/upholds-resocket.target
		systemctl daemon-reload && systemctl start upholds-resocket.target`)
	if result := h.Sh(t, "deb-systemd-invoke restart resocket.socket"); result.Code != 0 {
		t.Errorf("upheld: %+v", result)
	}
	m.restored(t, l)
	m.Must(t, "systemctl stop upholds-resocket.target resocket.socket resocket.service; systemctl kill -s KILL resocket.service")
}

// testStoppedByName: a socket that was held off with its service, and is then stopped by its name, stays stopped when the
// service is started, and starts when it is named again.
func testStoppedByName(t *testing.T, h *Host) {
	for i, start := range []string{"deb-systemd-invoke start NAME.service && deb-systemd-invoke start NAME.socket", "deb-systemd-invoke start NAME.service NAME.socket"} {
		m, l := newSocketed(t, h, fmt.Sprint("byname", i), 7364+i)
		m.Must(t, "printf '[Install]\\nWantedBy=sockets.target\\n' >>/etc/systemd/system/"+m.name+".socket && systemctl daemon-reload && systemctl -q enable "+m.name+".socket")
		m.Must(t, fmt.Sprintf("deb-systemd-invoke stop %[1]s.service && deb-systemd-invoke stop %[1]s.socket && deb-systemd-invoke start %[1]s.service", m.name))
		m.states(t, "active", m.service())
		m.states(t, "inactive", m.name+".socket")
		m.Must(t, fmt.Sprintf("deb-systemd-invoke stop %[1]s.service && "+strings.ReplaceAll(start, "NAME", "%[1]s"), m.name))
		m.restored(t, l)
		m.Must(t, fmt.Sprintf("deb-systemd-invoke stop %[1]s.service && deb-systemd-invoke stop %[1]s.socket && pidproof unquiesce %[1]s", m.name))
		m.released(t)
		l.nobodyServed(t, time.Now())
	}
}
