package lab

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestOnDemandSystemd: a service that invoke-rc.d has stopped stays stopped, whatever could start it again.
// https://bugs.debian.org/736258
func TestOnDemandSystemd(t *testing.T) { onBoth(t, testOnDemandSystemd) }

func testOnDemandSystemd(t *testing.T, d debian) {
	h := d.bootSystemd(t)
	installModuled(t, h)
	t.Run("control", func(t *testing.T) { testReactivated(t, h) })
	t.Run("control, upgraded", func(t *testing.T) { testMixed(t, h) })

	installOnDemand(t, h)
	h.Must(t, onDemandPolicy)
	tests := map[string]func(*testing.T, *Host){
		"held":                 testHeld,
		"allowed":              testAllowed,
		"came back":            testCameBack,
		"upgraded":             testNotMixed,
		"socket of other name": testOtherName,
		"path":                 testPath,
		"timer":                testTimer,
		"Accept":               testAccept,
		"D-Bus":                testBus,
		"Upholds":              testUpheld,
		"contended":            testContended,
		"stopped in start":     testStoppedInStart,
		"proxied":              testProxied,
		"pulled in":            testPulledIn,
		"umbrella":             testUmbrella,
		"collateral":           testCollateral,
		"runs without socket":  testRunsWithoutSocket,
		"transient":            testTransient,
		"own holds":            testOwnHolds,
		"package scripts":      testPackageScripts,
		"killed at each step":  testKilledAtEachStep,
		"shared":               testShared,
		"long name":            testLongUnit,
		"masked":               testMasked,
		"unknown":              testUnknownName,
		"query":                testQuery,
		"policy":               testPolicy,
		"skip native":          testSkipNative,
		"names":                testNames,
		"killed":               testKilledBetween,
		"run read-only":        testRunReadOnly,
		"run full":             testRunFull,
		"damaged record":       testDamagedRecord,
		"no answer":            testNoAnswer,
		"disabled":             testDisabled,
		"requires its socket":  testRequiresSocket,
		"failed instance":      testFailedInstance,
		"own instance":         testOwnInstance,
		"left by KillMode":     testLeftByKillMode,
		"socket lost":          testSocketLost,
		"escaped":              testEscaped,
		"reloaded":             testReloaded,
		"old prerm":            testOldPrerm,
		"alias":                testAlias,
		"slow stop":            testSlowStop,
		"doors":                testDoors,
		"by hand":              testByHand,
		"named socket":         testNamedSocket,
		"several units":        testSeveral,
		"unstarted":            testUnstarted,
		"restarted socket":     testRestartedSocket,
		"stopped by name":      testStoppedByName,
		"units as real":        testUnitsAsReal,
		"hanging":              testHanging,
		"slow answers":         testSlowAnswers,
		"lost stop":            testLostStop,
		"strict prerm":         testStrictPrerm,
		"runs on":              testRunsOn,
		"Ctrl-C":               testCtrlC,
		"held by another":      testHeldByOther,
		"odd options":          testOddOptions,
		"odd units":            testOddUnits,
		"stops with socket":    testStopsWithSocket,
	}
	if d.few {
		tests = map[string]func(*testing.T, *Host){"allowed": testAllowed, "upgraded": testNotMixed, "D-Bus": testBus}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

// testReactivated is the bug: Debian's invoke-rc.d says that it has stopped the service, and the next client starts it.
func testReactivated(t *testing.T, h *Host) {
	m := newSocket(t, h, "bug", 7001)
	l := newLoad(t, h, m.address())
	before := l.answered(t, time.Now()).pid
	result := m.call(t, 0, m.name, "stop")
	if !strings.Contains(result.Stderr, "bug.socket") {
		t.Errorf("invoke-rc.d does not warn: %+v", result)
	}
	if after := l.answered(t, time.Now()).pid; after == before || m.running(t) != after {
		t.Errorf("after stop PID %d answers, before it %d; systemd's main process is %d", after, before, m.running(t))
	}
}

// addSocket gives the service a socket of its name, listening.
func (m modular) addSocket(t *testing.T) {
	t.Helper()
	m.Must(t, fmt.Sprintf(`cat >/etc/systemd/system/%[1]s.socket <<'END'
%[2]sEND
		systemctl daemon-reload && systemctl start %[1]s.socket`,
		m.name, m.socket()))
}

// newSocket is a service with a listening socket.
func newSocket(t *testing.T, h *Host, name string, port int) modular {
	t.Helper()
	m := newUnits(t, h, name, port, map[string]string{name + ".socket": modular{h, name, port}.socket()})
	m.Must(t, "systemctl start "+name+".socket")
	return m
}

// newSocketed is a service with a listening socket that has been used once, and its clients.
func newSocketed(t *testing.T, h *Host, name string, port int) (modular, *load) {
	t.Helper()
	m := newSocket(t, h, name, port)
	l := newLoad(t, h, m.address())
	l.answered(t, time.Now())
	return m, l
}

// testHeld stops and starts a service twenty times while clients come: four services at a time, each five times.
func testHeld(t *testing.T, h *Host) {
	services := make(map[modular]*load)
	for i := range 4 {
		m, l := newSocketed(t, h, fmt.Sprintf("held%d", i), 7010+i)
		services[m] = l
	}
	all := func(action string) (done time.Time) {
		t.Helper()
		h.Must(t, `pids=
			for name in held0 held1 held2 held3; do invoke-rc.d $name `+action+` & pids="$pids $!"; done
			for pid in $pids; do wait $pid || exit; done`)
		return time.Now()
	}
	for range 5 {
		stopped := all("stop")
		for m, l := range services {
			m.gone(t, m.name+".socket")
			l.nobodyServed(t, stopped)
			m.gone(t, m.name+".socket")
			if mode := m.Must(t, "stat -c %a:%U "+m.record()); mode != "600:root\n" {
				t.Errorf("%s: %s", m.record(), mode)
			}
		}
		started := all("start")
		for m, l := range services {
			m.states(t, "active", m.name+".socket", m.service())
			if pid := l.answered(t, started).pid; pid != m.running(t) {
				t.Errorf("PID %d answers, systemd's main process is %d", pid, m.running(t))
			}
			if m.Sh(t, "test -e "+m.record()).Code == 0 {
				t.Errorf("after start %s is still there", m.record())
			}
		}
	}
}

// testAllowed: the processes of before are gone, and the next client gets a new one.
func testAllowed(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "allowed", 7020)
	for _, words := range [][]string{{"--allow-on-demand", m.name, "stop"}, {m.name, "stop", "--allow-on-demand"}} {
		before := l.answered(t, time.Now()).pid
		m.call(t, 0, words...)
		stopped := time.Now()
		if lives(t, h, before) {
			t.Errorf("invoke-rc.d %q: PID %d lives", words, before)
		}
		if after := l.answered(t, stopped).pid; after == before {
			t.Errorf("invoke-rc.d %q: PID %d still answers", words, after)
		}
		m.states(t, "active", m.name+".socket")
	}
}

// testCameBack: who starts after --allow-on-demand is told that he should have restarted.
func testCameBack(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "cameback", 7021)
	m.call(t, 0, "--allow-on-demand", m.name, "stop")
	now := l.answered(t, time.Now()).pid
	result := m.call(t, 0, m.name, "start")
	for _, said := range []string{"pidproof: cameback came back on demand at ", "invoke-rc.d cameback restart\n"} {
		if !strings.Contains(result.Stderr, said) {
			t.Errorf("start after --allow-on-demand: %q, want %q in it", result.Stderr, said)
		}
	}
	if pid := m.running(t); pid != now {
		t.Errorf("start has replaced PID %d by %d", now, pid)
	}
	m.call(t, 0, m.name, "restart")
	if pid := m.running(t); pid == now {
		t.Error("restart has not restarted")
	}
	if said := m.call(t, 0, m.name, "start").Stderr; strings.Contains(said, "came back") {
		t.Errorf("start after restart: %q", said)
	}
}
