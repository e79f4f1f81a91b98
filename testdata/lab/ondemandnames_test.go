package lab

import (
	"strings"
	"testing"
	"time"
)

// What invoke-rc.d answers itself, pidproof leaves to it.

// sameAsReal requires of calls that the wrapper ends as the real program does, and says no more.
func sameAsReal(t *testing.T, h *Host, calls ...string) {
	t.Helper()
	for _, call := range calls {
		want, got := h.invoke(t, realInvoke, call), h.invoke(t, "invoke-rc.d", call)
		if got != want {
			t.Errorf("invoke-rc.d %s: %+v, the real one: %+v", call, got, want)
		}
	}
}

// testMasked: a service is masked while it runs, and its socket listens.
func testMasked(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "masked", 7040)
	m.Must(t, `printf '[Unit]\nWants=masked.socket\n[Service]\nExecStart=sleep 752\n' >/etc/systemd/system/wants-masked.service
		systemctl daemon-reload && systemctl start wants-masked
		mv /etc/systemd/system/masked.service /usr/lib/systemd/system/ && systemctl mask masked.service`)
	m.call(t, 0, m.name, "stop")
	stopped := time.Now()
	m.gone(t)
	l.nobodyServed(t, stopped)
	m.call(t, 0, m.name, "start") // Debian's does nothing, and says nothing
	m.gone(t)
	if state := m.state(t, "masked.socket"); state == "active" { // "failed", when a client came after all
		t.Error("masked.socket is active")
	}
	sameAsReal(t, h, "masked start", "masked restart", "masked try-restart", "--query masked start")
	if result := m.call(t, 0, m.name, "stop"); !strings.Contains(result.Stderr, "masked.socket") {
		t.Errorf("stop does not say that masked.socket is held off still: %+v", result)
	}
}

func testUnknownName(t *testing.T, h *Host) {
	for _, action := range []string{"start", "stop", "restart", "status"} {
		real, ours := h.Run(t, realInvoke, "nosuch", action), h.Run(t, "invoke-rc.d", "nosuch", action)
		if real.Code != ours.Code || !strings.Contains(ours.Stderr, "nosuch") {
			t.Errorf("invoke-rc.d nosuch %s: %+v, the real one: %+v", action, ours, real)
		}
	}
	result := h.Run(t, "pidproof", "triggers", "nosuch")
	if result.Code != 4 || !strings.Contains(result.Stderr, "nosuch") {
		t.Errorf("triggers of an unknown service: %+v, want exit 4", result)
	}
	if h.Sh(t, "ls /run/pidproof/quiesced/nosuch*").Code == 0 {
		t.Error("something was recorded of a service that does not exist")
	}
}

// testQuery: --query changes nothing, and its exit codes are the answer.
func testQuery(t *testing.T, h *Host) {
	m, _ := newSocketed(t, h, "queried", 7041)
	sameAsReal(t, h, "--query queried start", "--query queried stop", "--query denied stop", "--query denied start",
		"--disclose-deny denied stop",
		"--help", "--nonsense queried stop", "queried", "", "queried nonsense")
	m.states(t, "active", m.name+".socket", m.service())
}

// testPolicy: an administrator's policy-rc.d has the last word.
func testPolicy(t *testing.T, h *Host) {
	m, _ := newSocketed(t, h, "denied", 7042)
	before := m.running(t)
	sameAsReal(t, h, "denied stop", "--disclose-deny denied stop", "denied restart", "denied start")
	m.call(t, 0, "denied", "stop", "--allow-on-demand")
	m.states(t, "active", m.name+".socket", m.service())
	if m.Sh(t, "test -e "+m.record()).Code == 0 || m.running(t) != before {
		t.Error("what policy-rc.d denies was done")
	}
	// --force overrides it.
	m.call(t, 0, "--force", "denied", "stop")
	m.gone(t, m.name+".socket")
	m.Must(t, "pidproof unquiesce denied")
}

// testSkipNative: maintainer scripts leave native units to deb-systemd-invoke.
func testSkipNative(t *testing.T, h *Host) {
	m, _ := newSocketed(t, h, "native", 7043)
	before := m.running(t)
	sameAsReal(t, h, "--skip-systemd-native native stop", "--skip-systemd-native native restart")
	m.states(t, "active", m.name+".socket", m.service())
	if pid := m.running(t); pid != before || m.Sh(t, "test -e "+m.record()).Code == 0 {
		t.Error("--skip-systemd-native: something was done")
	}
}

// testNames: NAME as people write it.
func testNames(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "named", 7044)
	// An instance that has only the name in common.
	m.Must(t, "printf '[Service]\\nExecStart=sleep 737\\n' >/etc/systemd/system/named@.service && systemctl daemon-reload && systemctl start named@x")
	m.Must(t, "pidproof quiesce named.service")
	stopped := time.Now()
	m.gone(t, "named.socket")
	m.states(t, "active", "named@x.service")
	l.nobodyServed(t, stopped)
	m.Must(t, "pidproof unquiesce named && systemctl is-active named.socket")

	instance := newUnits(t, h, "template", 0, map[string]string{
		"template@.service": "[Service]\nExecStart=" + modular{name: "template"}.command() + " \nEnvironment=I=%i\n"})
	instance.Must(t, "systemctl start template@1 template@2 && pidproof quiesce template@1")
	instance.states(t, "inactive", "template@1.service")
	instance.states(t, "active", "template@2.service")

	for _, bad := range []string{"../named", "named/", "/", "''", "-named", "named.socket"} {
		result := h.Sh(t, "pidproof quiesce -- "+bad)
		if result.Code != 4 || !strings.HasPrefix(result.Stderr, "pidproof: ") {
			t.Errorf("quiesce %s: %+v, want exit 4", bad, result)
		}
	}
	m.states(t, "active", "named.socket")
}
