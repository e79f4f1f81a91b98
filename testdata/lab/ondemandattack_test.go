package lab

import (
	"strings"
	"testing"
	"time"
)

// What an attack on quiesce and the wrapper has found.

// testDisabled: only the socket is enabled, as Debian's ssh.socket may be. invoke-rc.d does not start the service then,
// but what stop has held off is armed again.
func testDisabled(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "disabled", 7060)
	m.Must(t, "systemctl disable disabled.service")
	m.call(t, 0, m.name, "stop")
	m.gone(t, m.name+".socket")
	m.call(t, 0, m.name, "start")
	m.states(t, "active", m.name+".socket")
	l.answered(t, time.Now())
}

// testRequiresSocket: the stop of such a socket waits for the service's.
func testRequiresSocket(t *testing.T, h *Host) {
	m := newUnits(t, h, "requires", 7061, nil)
	m.Must(t, `cd /etc/systemd/system && printf '[Unit]\nRequires=requires.socket\nAfter=requires.socket\n[Service]\nExecStop=sleep 7\n' >>requires.service`)
	m.addSocket(t)
	m.Must(t, "systemctl start requires && pidproof --timeout 5s quiesce requires")
	m.gone(t, m.name+".socket")
}

// testFailedInstance: an instance of a template that has failed is no return of the service.
func testFailedInstance(t *testing.T, h *Host) {
	m := newUnits(t, h, "failedone", 7062, map[string]string{
		"failedone.socket":   "[Socket]\nListenStream=127.0.0.1:7062\nAccept=yes\nTriggerLimitIntervalSec=0\n",
		"failedone@.service": "[Service]\nExecStart=false\n",
	})
	m.Must(t, "systemctl start failedone.socket")
	if conn, err := h.dial(m.address(), clientPatience); err == nil {
		defer conn.Close()
	}
	eventually(t, "the instance has failed", func() bool {
		return strings.Contains(m.Must(t, "systemctl list-units --all --plain 'failedone@*'"), "failed")
	})
	m.call(t, 0, m.name, "stop")
	m.call(t, 0, m.name, "stop") // again, of the record alone
	m.call(t, 0, "--allow-on-demand", m.name, "stop")
}

// testOwnInstance: ssh@.service under Debian's ssh.socket has the administrator's own session.
func testOwnInstance(t *testing.T, h *Host) {
	m := newUnits(t, h, "session", 7063, map[string]string{
		"session.socket": "[Socket]\nListenStream=127.0.0.1:7063\nAccept=yes\nTriggerLimitIntervalSec=0\n",
		"session@.service": "[Service]\nExecStart=-/bin/sh -c 'invoke-rc.d session stop >/run/session.out 2>&1; " +
			"echo $? >/run/session.code; exec sleep 738'\n",
	})
	m.Must(t, "systemctl start session.socket")
	conn, err := h.dial(m.address(), clientPatience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	eventually(t, "the session has stopped its service", func() bool { return m.Sh(t, "test -s /run/session.code").Code == 0 })
	said := m.Must(t, "cat /run/session.out /run/session.code")
	if !strings.Contains(said, "is left alone: this command runs under it") || !strings.HasSuffix(said, "\n0\n") {
		t.Errorf("stop from a session of the service: %s", said)
	}
	m.states(t, "inactive", "session.socket")
	m.Must(t, "pgrep -f '^sleep 738'; pkill -f '^sleep 738'")
}

// testLeftByKillMode: what a unit leaves behind by design does not count.
func testLeftByKillMode(t *testing.T, h *Host) {
	m := newSocket(t, h, "leaving", 7064)
	m.Must(t, `mkdir -p /etc/systemd/system/leaving.service.d && cd /etc/systemd/system/leaving.service.d &&
		printf '[Service]\nKillMode=process\nExecStartPost=/bin/sh -c "sleep 739 &"\n' >kill.conf && systemctl daemon-reload && systemctl restart leaving`)
	m.call(t, 0, m.name, "stop")
	m.Must(t, "pgrep -f '^sleep 739'; pkill -f '^sleep 739'")
	m.Must(t, "pidproof unquiesce leaving") // only its socket is active now
	m.call(t, 0, m.name, "stop")
}

// testSocketLost: what cannot be restored takes nothing with it.
func testSocketLost(t *testing.T, h *Host) {
	m := newSocket(t, h, "lost", 7065)
	m.call(t, 0, m.name, "stop")
	m.Must(t, "systemctl start lost.service; sed -i s/7065/no-such-address/ /etc/systemd/system/lost.socket; systemctl daemon-reload")
	result := m.Run(t, "pidproof", "unquiesce", m.name)
	if result.Code != 1 || !strings.Contains(result.Stderr, "lost.socket") && !strings.Contains(result.Stderr, "not all could be restored") {
		t.Errorf("unquiesce: %+v, want exit 1", result)
	}
	m.states(t, "active", m.service())
}

// testEscaped: systemctl quotes names with a backslash.
func testEscaped(t *testing.T, h *Host) {
	m := newUnits(t, h, "escaped", 7066, nil)
	m.Must(t, `cd /etc/systemd/system && mv escaped.service 'esc\x2dd.service' && systemctl daemon-reload && systemctl enable 'esc\x2dd.service'
		printf '[Socket]\nService=esc\\x2dd.service\nListenStream=127.0.0.1:7066\n' >'oth\x2der.socket'
		printf '[Socket]\nService=esc\\x2dd.service\nListenStream=/run/third\n' >'thi\x2drd.socket'
		systemctl daemon-reload && systemctl start 'oth\x2der.socket' 'thi\x2drd.socket'`)
	if listed := m.Must(t, `pidproof triggers 'esc\x2dd'`); !strings.Contains(listed, `oth\x2der.socket`) {
		t.Errorf("triggers says\n%s", listed)
	}
	m.Must(t, `pidproof quiesce 'esc\x2dd'`)
	if active := m.Sh(t, `systemctl is-active 'oth\x2der.socket'`).Stdout; active != "inactive\n" {
		t.Errorf("the socket is %s", active)
	}
	m.Must(t, `pidproof unquiesce 'esc\x2dd' && systemctl is-active 'oth\x2der.socket' 'thi\x2drd.socket'`)
	m.Must(t, `deb-systemd-invoke stop 'esc\x2dd.service' 'thi\x2drd.socket'; ! systemctl -q is-active 'oth\x2der.socket' 'thi\x2drd.socket' 'esc\x2dd.service'
		deb-systemd-invoke start 'esc\x2dd.service' && systemctl is-active 'oth\x2der.socket' 'esc\x2dd.service' && ! systemctl -q is-active 'thi\x2drd.socket'`)
}

// testReloaded: with each daemon-reload systemd forgets which socket has started an instance.
func testReloaded(t *testing.T, h *Host) {
	m := newUnits(t, h, "reloaded", 7067, map[string]string{
		"reloaded.socket":   "[Socket]\nListenStream=127.0.0.1:7067\nAccept=yes\nTriggerLimitIntervalSec=0\n",
		"reloaded@.service": "[Service]\nExecStart=sleep 740\n",
	})
	m.Must(t, "systemctl start reloaded.socket reloaded@hand")
	conn, err := h.dial(m.address(), clientPatience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	eventually(t, "two instances run", func() bool { return len(strings.Fields(m.Sh(t, "pgrep -f '^sleep 740'").Stdout)) == 2 })
	m.Must(t, "systemctl daemon-reload")
	m.call(t, 0, m.name, "stop")
	m.states(t, "active", "reloaded@hand.service") // which no client has started
	if left := strings.Fields(m.Sh(t, "pgrep -f '^sleep 740'").Stdout); len(left) != 1 {
		t.Errorf("there run: %v", left)
	}
}

// testOldPrerm: a package whose new version leaves it to deb-systemd-invoke, and whose old one did not.
func testOldPrerm(t *testing.T, h *Host) {
	m, _ := newSocketed(t, h, "deferred", 7068)
	m.call(t, 0, m.name, "stop")
	m.gone(t, m.name+".socket")
	m.call(t, 0, "--skip-systemd-native", m.name, "start") // nothing
	m.gone(t, m.name+".socket")
	m.Must(t, "deb-systemd-invoke start deferred.service")
	m.states(t, "active", m.name+".socket")
}

// testAlias: a service is one, whatever name it is called by.
func testAlias(t *testing.T, h *Host) {
	m, _ := newSocketed(t, h, "aliased", 7069)
	m.Must(t, "ln -s aliased.service /etc/systemd/system/other-name.service && systemctl daemon-reload")
	m.call(t, 0, "other-name", "stop")
	m.gone(t, m.name+".socket")
	m.call(t, 0, m.name, "start")
	m.states(t, "active", m.name+".socket")
	m.call(t, 0, m.name, "stop")
	m.Must(t, "pidproof unquiesce other-name")
	m.states(t, "active", m.name+".socket")
}

// testSlowStop: what takes longer than one would wait is left to itself.
func testSlowStop(t *testing.T, h *Host) {
	m, _ := newSocketed(t, h, "slow", 7070)
	m.Must(t, `mkdir -p /etc/systemd/system/slow.service.d
		printf '[Service]\nTimeoutStopSec=infinity\nExecStop=sh -c "until [ -e /run/slow-may-end ]; do sleep 0.05; done"\n' \
			>/etc/systemd/system/slow.service.d/slow.conf
		touch /run/slow-may-end
		systemctl daemon-reload && systemctl restart slow.service && rm /run/slow-may-end`)
	result := m.Run(t, "pidproof", "quiesce", "-t", "5", m.name)
	if result.Code != 4 || !strings.Contains(result.Stderr, " has not ended after 5.0 s, and goes on") {
		t.Errorf("quiesce: %+v, want exit 4", result)
	}
	m.Must(t, "touch /run/slow-may-end")
	eventually(t, "it has stopped", func() bool { return m.running(t) == 0 })
	m.call(t, 0, m.name, "stop")
	m.Must(t, "pidproof unquiesce slow")
}

// stuckSession: what inetd has started and does not end is said, and nothing else is signalled.
func (m modular) stuckSession(t *testing.T) {
	m.Must(t, `printf 'stuck 7103/tcp\n' >>/etc/services
		printf '#!/bin/sh\ntrap "" TERM\nexec sleep 741\n' >/usr/local/sbin/stuckd && chmod 755 /usr/local/sbin/stuckd
		echo 'stuck stream tcp nowait root /usr/local/sbin/stuckd stuckd' >>/etc/inetd.conf && kill -HUP $(cat /run/inetd.pid)`)
	eventually(t, "inetd listens", func() bool {
		conn, err := m.dial("127.0.0.1:7103", clientPatience)
		if err == nil {
			defer conn.Close()
		}
		return err == nil && m.Sh(t, "pgrep -f '^sleep 741'").Code == 0
	})
	result := m.Run(t, "pidproof", "quiesce", "stuck")
	if result.Code != 1 || !strings.Contains(result.Stderr, ", which inetd has started for stuck, does not end: look at it (ps -fp ") {
		t.Errorf("quiesce: %+v, want exit 1", result)
	}
	m.Must(t, "pkill -KILL -f '^sleep 741'; pidproof quiesce stuck")
	m.Must(t, "pidproof unquiesce stuck && sed -i /^stuck/d /etc/inetd.conf && kill -HUP $(cat /run/inetd.pid)")
}
