package lab

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Maintainer scripts stop and start services by invoke-rc.d, by deb-systemd-invoke, and one by the one what the other has
// stopped; administrators by systemctl. Whichever door is used, there is one record.

const realUnits = "deb-systemd-invoke.real" // what the diversion leaves

// byDoor is the command that does that to a service.
func byDoor(door, action, name string) string {
	if door == "invoke-rc.d" {
		return door + " " + name + " " + action
	}
	return door + " " + action + " " + name + ".service"
}

// testDoors upgrades a service: its old prerm uses one door, its new postinst another.
func testDoors(t *testing.T, h *Host) {
	for i, row := range []struct{ stop, start, action string }{
		{"invoke-rc.d", "deb-systemd-invoke", "start"},
		{"deb-systemd-invoke", "invoke-rc.d", "restart"},
		{"deb-systemd-invoke", "deb-systemd-invoke", "restart"},
	} {
		m, l := newSocketed(t, h, fmt.Sprint("doors", i), 7300+i)
		t.Run(row.stop+", "+row.start+" "+row.action, func(t *testing.T) {
			requireNoMix(t, m.upgradeBy(t, l, byDoor(row.stop, "stop", m.name), byDoor(row.start, row.action, m.name)))
			m.restored(t, l)
		})
	}
}

// restored requires that all is as it was before.
func (m modular) restored(t *testing.T, l *load) {
	t.Helper()
	m.states(t, "active", m.name+".socket", m.service())
	l.answered(t, time.Now())
	if m.Sh(t, "test -e "+m.record()).Code == 0 {
		t.Errorf("%s is still there: %s", m.record(), m.Must(t, "cat "+m.record()))
	}
}

// testByHand: an administrator starts the service while it is held off; the next call through any door finds that.
func testByHand(t *testing.T, h *Host) {
	for i, row := range []struct{ stop, start string }{
		{"deb-systemd-invoke stop NAME.service", "invoke-rc.d NAME start"},
		{"invoke-rc.d NAME stop", "deb-systemd-invoke start NAME.service"},
		{"deb-systemd-invoke stop NAME", "deb-systemd-invoke restart NAME"},
		{"invoke-rc.d NAME stop", "deb-systemd-invoke try-restart NAME.service"},
		{"deb-systemd-invoke stop NAME.service", "deb-systemd-invoke start NAME.socket"},
	} {
		m, l := newSocketed(t, h, fmt.Sprint("hand", i), 7320+i)
		m.Must(t, "printf '[Install]\\nWantedBy=sockets.target\\n' >>/etc/systemd/system/"+m.name+".socket && systemctl daemon-reload && systemctl -q enable "+m.name+".socket")
		stop, start := strings.ReplaceAll(row.stop, "NAME", m.name), strings.ReplaceAll(row.start, "NAME", m.name)
		t.Run(stop+", "+start, func(t *testing.T) {
			m.Must(t, stop)
			if held := m.Must(t, "pidproof after-upgrade"); !strings.Contains(held, " invoke-rc.d "+m.name+" start\n") {
				t.Errorf("after-upgrade does not name it: %q", held)
			}
			m.Sh(t, "systemctl start "+m.service())
			if result := m.Sh(t, start); result.Code != 0 {
				t.Errorf("%s: %+v", start, result)
			}
			m.restored(t, l)
		})
	}
}

// testNamedSocket: a socket that is named with its service is stopped first, whatever the order, and stays stopped as asked.
// Stopped behind the service, as systemctl does it, that is started again in between.
func testNamedSocket(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "namedsocket", 7340)
	m.Must(t, "printf '[Socket]\\nListenStream=127.0.0.1:7341\\nService=namedsocket.service\\n' >/etc/systemd/system/namedsocket-too.socket && "+
		"systemctl daemon-reload && systemctl stop namedsocket.socket namedsocket.service && systemctl start namedsocket-too.socket && systemctl start namedsocket.socket")
	for _, units := range []string{"namedsocket.service namedsocket.socket", "namedsocket.socket namedsocket", "namedsocket.socket namedsock*.service"} {
		l.answered(t, time.Now())
		m.Must(t, "deb-systemd-invoke stop "+units)
		stopped := time.Now()
		m.gone(t, "namedsocket.socket", "namedsocket-too.socket")
		l.nobodyServed(t, stopped)
		m.gone(t, "namedsocket.socket", "namedsocket-too.socket")
		m.Must(t, "deb-systemd-invoke start namedsocket.service")
		m.states(t, "active", m.service(), "namedsocket-too.socket") // held off, and restored
		m.states(t, "inactive", "namedsocket.socket")                // asked for
		m.Must(t, "systemctl stop namedsocket.service namedsocket-too.socket; systemctl start namedsocket-too.socket && systemctl start namedsocket.socket")
	}
}

// testSeveral: one of several units does not exist; another is named twice, by an alias.
func testSeveral(t *testing.T, h *Host) {
	a, la := newSocketed(t, h, "several-a", 7345)
	b, lb := newSocketed(t, h, "several-b@x", 7346)
	h.Must(t, "ln -s several-a.service /etc/systemd/system/several-alias.service && systemctl daemon-reload")
	const units = " several-a.service nosuch.service several-b@x several-alias.service"
	want, got := h.Sh(t, realUnits+" stop nosuch.service"), h.Sh(t, "deb-systemd-invoke stop"+units)
	if got.Code != want.Code || want.Code == 0 || !strings.Contains(got.Stderr, "nosuch.service") {
		t.Errorf("stop%s: %+v, the real program of the one: %+v", units, got, want)
	}
	if strings.Count(got.Stderr, "pidproof: ") != 2 || strings.Count(got.Stderr, " is stopped; held off until ") != 2 {
		t.Errorf("what is held off of two services is not said in two lines: %q", got.Stderr)
	}
	stopped := time.Now()
	for m, l := range map[modular]*load{a: la, b: lb} {
		m.gone(t, m.name+".socket")
		l.nobodyServed(t, stopped)
	}
	h.Must(t, "deb-systemd-invoke start several-alias.service several-b@x.service")
	a.restored(t, la)
	lb.answered(t, time.Now()) // of a template, and static: it is the next client that starts it
	b.restored(t, lb)
	said := h.Sh(t, "deb-systemd-invoke stop several-a several-b@x").Stderr
	for _, m := range []modular{a, b} {
		if !strings.Contains(said, fmt.Sprintf("pidproof: %[1]s is stopped; held off until \"invoke-rc.d %[1]s start\" or \"pidproof unquiesce %[1]s\": %[1]s.socket\n", m.name)) {
			t.Errorf("stop says %q", said)
		}
		m.Must(t, "pidproof unquiesce "+m.name)
		m.states(t, "active", m.name+".socket")
	}
}

// testUnitsAsReal: where there is nothing to hold off, where it is denied, and where it is another manager's, the real
// program answers.
func testUnitsAsReal(t *testing.T, h *Host) {
	m, _ := newSocketed(t, h, "unitsdenied", 7350)
	static := newUnits(t, h, "unitsstatic", 0, nil)
	static.Must(t, "systemctl disable unitsstatic.service && systemctl mask --runtime unitsmasked.service")
	before := m.running(t)
	for _, call := range []string{
		"", "stop", "stop unitsdenied.service", "restart unitsdenied.service unitsdenied.socket", "start unitsdenied.socket",
		"stop unitsstatic.service unitsdenied", "--user stop unitsdenied.service", "stop unitsdenied.service --user", "--us stop unitsdenied.service",
		"--nosuch stop", "start unitsstatic.service", "restart unitsstatic", "try-restart unitsstatic.service", "stop unitsstatic.service",
		"stop unitsmasked.service", "start unitsmasked.service", "stop nosuch.service", "start nosuch.service", "stop -- nosuch", "restart 'nosuch@*'",
		"is-active unitsdenied.service", "reload unitsstatic.service", "daemon-reload x", "--no-dbus is-enabled unitsstatic.service",
		`stop 'nosuch\x2d.service'`, "stop " + strings.Repeat("n", 247) + ".service", "stop " + strings.Repeat("n", 300) + ".service",
		"stop 'a b.service'", "stop ../x.service",
	} {
		want, got := h.Sh(t, realUnits+" "+call), h.Sh(t, "deb-systemd-invoke "+call)
		if got != want {
			t.Errorf("deb-systemd-invoke %s: %+v, the real one: %+v", call, got, want)
		}
	}
	m.states(t, "active", m.name+".socket", m.service())
	if m.Sh(t, "test -e "+m.record()).Code == 0 || m.running(t) != before {
		t.Error("what policy-rc.d denies was done")
	}
}

// testHanging: a systemctl that does not answer, and a policy-rc.d that takes its time, keep nothing from being stopped.
func testHanging(t *testing.T, h *Host) {
	for i, row := range []struct{ name, stop, path, why string }{
		{"hangctl", "deb-systemd-invoke stop hangctl.service", "/run/hangctl:", "systemctl: no answer in time"},
		{"hangpolicy", "deb-systemd-invoke stop hangpolicy.service", "", "policy-rc.d does not answer"},
		{"hangpolicy", "invoke-rc.d hangpolicy stop", "", "policy-rc.d does not answer"},
	} {
		m, _ := newSocketed(t, h, row.name, 7355+i)
		m.Must(t, `mkdir -p /run/hangctl && printf '#!/bin/sh\ncase $1 in --no-pager) exec sleep 7361 ;; esac\nexec /bin/systemctl "$@"\n' >/run/hangctl/systemctl
			chmod 755 /run/hangctl/systemctl; touch /run/hang-`+m.name)
		before := m.running(t)
		result := m.Sh(t, "PATH="+row.path+"$PATH; "+row.stop)
		if result.Code != 0 || !strings.Contains(result.Stderr, "pidproof: "+m.name) || !strings.Contains(result.Stderr, row.why) || lives(t, h, before) {
			t.Errorf("%s: %+v, want exit 0, it stopped, and %q", row.stop, result, row.why)
		}
		if m.Sh(t, "test -e /run/hang-"+m.name).Code == 0 && row.path == "" {
			t.Errorf("%s: policy-rc.d was not asked", row.stop)
		}
		m.Must(t, "systemctl stop "+m.name+".socket "+m.service())
	}
	if left := h.Sh(t, "pgrep -f '^sleep 7361'").Stdout; left != "" {
		t.Errorf("a systemctl that did not answer is left: %s", left)
	}
}

// testStrictPrerm upgrades a package whose service has a name on the bus: its prerm runs under set -e, and dpkg is content
// with what it returns.
func testStrictPrerm(t *testing.T, h *Host) {
	h.dpkgAlone(t)
	const service = "lab-busd"
	h.Must(t, `set -e
		mkdir -p /run/`+service+` && cd /run/`+service+`
		for version in 1 2 3; do
			mkdir -p tree/DEBIAN tree/usr/lib/systemd/system tree/usr/share/dbus-1/system-services
			printf 'Package: `+service+`\nVersion: %s\nArchitecture: all\nMaintainer: lab <lab@localhost>\nDescription: a name on the bus\n' $version >tree/DEBIAN/control
			stop='invoke-rc.d `+service+` stop'
			[ $version = 1 ] || stop='deb-systemd-invoke stop `+service+`.service'
			printf '#!/bin/sh\nset -e\n%s\n' "$stop" >tree/DEBIAN/prerm
			printf '#!/bin/sh\nset -e\nsystemctl -q daemon-reload; systemctl -q enable %s; deb-systemd-invoke restart %s; systemctl is-active %s\n' `+service+` `+service+`.service `+service+`.socket >tree/DEBIAN/postinst
			chmod 755 tree/DEBIAN/prerm tree/DEBIAN/postinst
			printf '[Unit]\nRequires=`+service+`.socket\n[Service]\nExecStart=sleep 7362\n[Install]\nWantedBy=multi-user.target\n' >tree/usr/lib/systemd/system/`+service+`.service
			printf '[D-BUS Service]\nName=org.lab.Busd\nExec=/bin/false\nUser=root\nSystemdService=`+service+`.service\n' \
				>tree/usr/share/dbus-1/system-services/org.lab.Busd.service
			printf '[Socket]\nListenStream=/run/`+service+`.socket\n' >tree/usr/lib/systemd/system/`+service+`.socket
			printf '#!/bin/sh\nsystemctl daemon-reload\n' >tree/DEBIAN/postrm && chmod 755 tree/DEBIAN/postrm
			dpkg-deb -Znone --root-owner-group -b tree `+service+`_$version.deb >/dev/null
		done`)
	before := 0
	for version := range 3 {
		if version == 2 { // systemd does not read the drop-in that would hold the name off
			h.Must(t, "mkdir /etc/systemd/system/lab-busd.service.d && echo >/etc/systemd/system/lab-busd.service.d/zz-pidproof-lab-busd.conf")
		}
		result := h.Sh(t, fmt.Sprintf("dpkg -i /run/%s/%[1]s_%d.deb", service, version+1))
		if state := h.Must(t, "dpkg-query -W -f '${db:Status-Abbrev}' "+service); result.Code != 0 || state != "ii " {
			t.Fatalf("version %d: %s, %+v", version+1, state, result)
		}
		m := modular{h, service, 0}
		m.states(t, "active", m.service())
		if now := m.running(t); now == before {
			t.Errorf("version %d: the service was not restarted", version+1)
		} else {
			before = now
		}
		says := []string{"", " is stopped; held off until ", " was stopped, and may be started again by: "}[version]
		if said := strings.Count(result.Stderr, "pidproof: "); version > 0 && (said != 1 || !strings.Contains(result.Stderr, says) || !strings.Contains(result.Stderr, "org.lab.Busd")) {
			t.Errorf("version %d: %d lines, want one that names org.lab.Busd: %q", version+1, said, result.Stderr)
		}
	}
	// What its last prerm has held off is forgotten with it.
	m := modular{h, service, 0}
	h.Must(t, "rm -r /etc/systemd/system/lab-busd.service.d; systemctl daemon-reload; systemctl stop "+service+".service; systemctl start "+service+".socket")
	if result := h.Sh(t, "dpkg --remove "+service); result.Code != 0 || !strings.Contains(result.Stderr, "pidproof: "+service+" is stopped; held off until ") {
		t.Fatalf("it is removed: %+v", result)
	}
	if said := h.Must(t, "pidproof after-upgrade"); strings.Contains(said, service) || h.Sh(t, "test -e "+m.record()).Code == 0 {
		t.Errorf("%s is removed, and after-upgrade says %q", service, said)
	}
}

// testCtrlC: a person interrupts the stop of a service that takes its time.
func testCtrlC(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "ctrlc", 7358)
	m.Must(t, `mkdir -p /etc/systemd/system/ctrlc.service.d
		printf '[Service]\nTimeoutStopSec=infinity\nExecStop=sh -c "until [ -e /run/ctrlc-may-end ]; do sleep 0.05; done"\n' \
			>/etc/systemd/system/ctrlc.service.d/slow.conf
		touch /run/ctrlc-may-end; systemctl daemon-reload && systemctl restart ctrlc.service && rm /run/ctrlc-may-end
		env --default-signal=INT setsid sh -c 'echo $$ >/run/ctrlc.pid; trap : INT; deb-systemd-invoke stop ctrlc.service 2>/run/ctrlc.err; echo $? >/run/ctrlc.code' &`)
	eventually(t, "the service is being stopped", func() bool { return m.state(t, m.service()) == "deactivating" })
	m.Must(t, "/bin/kill -INT -- -$(cat /run/ctrlc.pid)")
	eventually(t, "it was interrupted", func() bool { return m.Sh(t, "test -s /run/ctrlc.code").Code == 0 })
	const says = "130\npidproof: ctrlc: interrupt: whether it is stopped was not looked at; held off until \"invoke-rc.d ctrlc start\" or \"pidproof unquiesce ctrlc\": ctrlc.socket\n"
	if said := m.Must(t, "cat /run/ctrlc.code /run/ctrlc.err"); said != says {
		t.Errorf("interrupted: %q, want %q", said, says)
	}
	m.Must(t, "touch /run/ctrlc-may-end; deb-systemd-invoke start ctrlc.service")
	m.restored(t, l)
}

// testRunsOn: what runs on is 1, whatever else there is. systemd does not read the drop-in that would hold it.
func testRunsOn(t *testing.T, h *Host) {
	m := newUnits(t, h, "runson", 0, map[string]string{"runson.target": "[Unit]\nUpholds=runson.service\n"})
	m.Must(t, "mkdir /etc/systemd/system/runson.service.d && echo >/etc/systemd/system/runson.service.d/zz-pidproof-runson.conf && systemctl start runson.target")
	for _, command := range []string{"invoke-rc.d runson stop", "deb-systemd-invoke stop runson.service"} {
		eventually(t, "the service is upheld", func() bool { return m.running(t) != 0 })
		result := m.Sh(t, command)
		for _, says := range []string{"runson came back as process ", "; may be started again by: runson.target; not held off: runson.service cannot be held: "} {
			if result.Code != 1 || !strings.Contains(result.Stderr, says) {
				t.Errorf("%s: %+v, want exit 1 and %q", command, result, says)
			}
		}
	}
	m.Must(t, "systemctl stop runson.target; systemctl stop runson.service")
}

// testHeldByOther: who starts one of the units that another service holds gets it.
func testHeldByOther(t *testing.T, h *Host) {
	m := newUnits(t, h, "whole", 0, map[string]string{
		"whole.service":  "[Unit]\nWants=whole@a.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=true\n",
		"whole@.service": "[Unit]\nPartOf=whole.service\n[Service]\nExecStart=sleep 7364\n[Install]\nWantedBy=multi-user.target\n",
		"whole.target":   "[Unit]\nUpholds=whole@a.service\n",
	})
	m.Must(t, "systemctl -q enable whole@a; systemctl start whole whole.target")
	for _, start := range []string{"deb-systemd-invoke start whole@a.service", "invoke-rc.d whole@a start"} {
		m.Must(t, "invoke-rc.d whole stop")
		m.gone(t, "whole@a.service")
		if result := m.Sh(t, "systemctl start whole@a"); result.Code == 0 {
			t.Errorf("whole@a is not held: %+v", result)
		}
		m.Must(t, start)
		m.states(t, "active", "whole@a.service")
		m.Must(t, "systemctl start whole")
	}
	m.Must(t, "systemctl stop whole.target; systemctl stop whole")
}
