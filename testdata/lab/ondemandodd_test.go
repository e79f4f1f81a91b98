package lab

import (
	"strings"
	"testing"
	"time"
)

// Lines and units that no package of Debian's has, and a service may.

// testOddOptions: the line is read as Perl's Getopt::Long does for the real program. Issue 16.1.
func testOddOptions(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "oddoptions", 7400)
	for _, stop := range []string{
		"-- stop oddoptions.service", "--no-d stop oddoptions", "--us --sys stop oddoptions.service", "stop oddoptions -- --quiet",
	} {
		m.Must(t, "deb-systemd-invoke "+stop)
		stopped := time.Now()
		m.gone(t, m.name+".socket")
		l.nobodyServed(t, stopped)
		m.Must(t, "deb-systemd-invoke -- start oddoptions.service --sys")
		m.restored(t, l)
	}
	const says = "pidproof: deb-systemd-invoke: nothing is held off: systemctl is given --no-block\n"
	if result := m.Sh(t, "deb-systemd-invoke stop -- --no-block oddoptions"); result.Code != 0 || !strings.Contains(result.Stderr, says) {
		t.Errorf("what is not awaited: %+v", result)
	}
	m.states(t, "active", m.name+".socket")
}

// testOddUnits: what systemctl makes a name of, a unit made from an init script, linked ones, instances, an administrator's
// drop-in and mask. Several in one call. Issue 16.4.
func testOddUnits(t *testing.T, h *Host) {
	blank, instance := modular{h, `odd\x20blank`, 0}, modular{h, "odd-instance@dev-disk:1", 0}
	generated, linked := newScripted(t, h, "odd-script", 7410), modular{h, "odd-linked", 0}
	h.Must(t, `cd /etc/systemd/system && mkdir -p /opt/odd && for name in 'odd\x20blank' odd-instance@ /opt/odd/odd-linked; do
			printf '[Service]\nExecStart=sleep 755\n[Install]\nWantedBy=multi-user.target\n' >"$name.service"
			printf '[Socket]\nListenStream=/run/odd-%%p-%%i\n' >"$name.socket"
		done; systemctl -q link /opt/odd/odd-linked.service /opt/odd/odd-linked.socket
		systemctl -q enable /opt/odd/odd-linked.service 'odd\x20blank.service' odd-instance@dev-disk:1.service
		mkdir -p odd-linked.service.d && printf '[Service]\nEnvironment=A=b\n' >odd-linked.service.d/own.conf
		printf '[Unit]\nUpholds=odd-linked.service odd-script.service\n' >odd.target
		printf '[Socket]\nListenStream=/run/odd-script\n' >odd-script.socket
		invoke-rc.d odd-script stop; systemctl daemon-reload
		systemctl start 'odd\x20blank.socket' odd-instance@dev-disk:1.socket odd-linked.socket odd-script.socket
		systemctl start 'odd\x20blank' odd-instance@dev-disk:1 odd-linked odd-script odd.target`)
	all := []modular{blank, instance, generated, linked}
	state := func(want string) {
		t.Helper()
		for _, m := range all {
			m.states(t, want, "'"+m.service()+"'", "'"+m.name+".socket'")
		}
	}
	for range 2 {
		state("active")
		result := h.Sh(t, "deb-systemd-invoke stop 'odd blank' odd-script 'odd-instance@*.service' odd-linked.service")
		if result.Code != 0 || strings.Count(result.Stderr, " is stopped; held off until ") != 4 || !strings.Contains(result.Stderr, `"invoke-rc.d 'odd\x20blank' start"`) {
			t.Errorf("stop: %+v", result)
		}
		state("inactive")
		h.Must(t, "deb-systemd-invoke start 'odd blank' odd-script odd-instance@dev-disk:1 odd-linked")
		linked.released(t)
	}
	h.Must(t, "test -f /etc/systemd/system/odd-linked.service.d/own.conf; invoke-rc.d odd-linked stop; systemctl -q disable odd-linked.socket; systemctl -q mask odd-linked.socket; invoke-rc.d odd-linked start")
	linked.states(t, "inactive", "odd-linked.socket")
	linked.states(t, "active", "odd-linked.service")
	linked.released(t)
	h.Must(t, "test -L /etc/systemd/system/odd-linked.socket; systemctl stop odd.target odd-linked odd-script odd-script.socket")
}

// testStopsWithSocket: a service that needs its socket is stopped by that, as Debian 13's acpid is, and its path would have
// both started again.
func testStopsWithSocket(t *testing.T, h *Host) {
	h.Must(t, "touch /run/stopswith-work")
	m := newUnits(t, h, "stopswith", 0, map[string]string{
		"stopswith.service": "[Unit]\nRequires=stopswith.socket\n[Service]\nExecStart=sleep 756\n",
		"stopswith.socket":  "[Socket]\nListenStream=/run/stopswith\n[Install]\nWantedBy=sockets.target\n",
		"stopswith.path":    "[Path]\nPathExists=/run/stopswith-work\n[Install]\nWantedBy=paths.target\n",
	})
	all := []string{"stopswith.socket", "stopswith.path"}
	m.Must(t, "systemctl -q enable stopswith.service stopswith.socket stopswith.path && systemctl start stopswith.socket stopswith.path stopswith.service")
	for _, stop := range []string{"stopswith.socket", "stopswith.socket stopswith.service", "stopswith.service stopswith.socket"} {
		m.states(t, "active", append(all, m.service())...)
		if result := m.Sh(t, "deb-systemd-invoke stop "+stop); result.Code != 0 || !strings.HasSuffix(result.Stderr, `"pidproof unquiesce stopswith": stopswith.path`+"\n") {
			t.Errorf("stop %s: %+v", stop, result)
		}
		m.gone(t, all...)
		m.Must(t, "deb-systemd-invoke restart stopswith.socket && deb-systemd-invoke restart stopswith.path && deb-systemd-invoke start stopswith.service")
		m.released(t)
	}
	m.Must(t, "deb-systemd-invoke stop stopswith.socket && deb-systemd-invoke stop stopswith.path && deb-systemd-invoke stop stopswith.socket")
	m.gone(t, all...)
	m.Must(t, "systemctl start stopswith.socket && pidproof unquiesce stopswith")
	m.states(t, "inactive", "stopswith.path")
	m.Must(t, "systemctl stop stopswith.socket")
}
