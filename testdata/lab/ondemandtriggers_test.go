package lab

import (
	"strings"
	"testing"
	"time"
)

// Every kind of trigger that systemd has.

// stopsAndStarts requires that stop holds a service off its triggers, and start restores both.
func (m modular) stopsAndStarts(t *testing.T, triggers ...string) {
	t.Helper()
	listed := m.Must(t, "pidproof triggers "+m.name)
	for _, trigger := range triggers {
		if !strings.Contains(listed, " "+trigger+" ") {
			t.Errorf("triggers does not list %s:\n%s", trigger, listed)
		}
	}
	m.states(t, "active", triggers...)
	m.call(t, 0, m.name, "stop")
	m.gone(t, triggers...)
	m.call(t, 0, m.name, "start")
	m.states(t, "active", append(triggers, m.service())...)
	m.call(t, 0, m.name, "stop")
	m.gone(t, triggers...)
	m.Must(t, "pidproof unquiesce "+m.name)
	m.states(t, "active", triggers...)
}

// testOtherName: which socket starts a service is not told by its name.
func testOtherName(t *testing.T, h *Host) {
	m := newUnits(t, h, "othername", 7022, map[string]string{
		"front.socket": "[Socket]\nService=othername.service\nListenStream=127.0.0.1:7022\n",
		"side.socket":  "[Socket]\nService=othername.service\nListenStream=/run/side\n",
	})
	m.Must(t, "systemctl start front.socket side.socket")
	l := newLoad(t, h, m.address())
	l.answered(t, time.Now())
	m.stopsAndStarts(t, "front.socket", "side.socket")
	l.answered(t, time.Now())
	m.asksSeldom(t)
}

// asksSeldom requires that a look asks once for the service, once for all that may start it, and once for each level above,
// of which targets are two: each question is a process, and wakes PID 1. They were six, for a service that nothing else pulls
// in.
func (m modular) asksSeldom(t *testing.T) {
	t.Helper()
	m.Must(t, "strace -f -qq -e trace=execve -o /run/asked pidproof triggers "+m.name)
	// Of one service of another test alone: that stands in between on a host that is shared.
	if asked := m.Must(t, `grep 'execve("[^"]*/systemctl"' /run/asked | grep -Ev '"--", "(both|pulled)\.service"\]'`); strings.Count(asked, "\n") > 4 {
		t.Errorf("systemd was asked %d times:\n%s", strings.Count(asked, "\n"), asked)
	}
}

// testPath: a condition that stays true starts the service each time it has ended.
func testPath(t *testing.T, h *Host) {
	h.Must(t, "touch /run/pathed-work")
	triggered(t, h, "pathed", "pathed.path", "[Path]\nPathExists=/run/pathed-work\n")
}

func testTimer(t *testing.T, h *Host) {
	triggered(t, h, "timed", "timed.timer", "[Timer]\nOnActiveSec=0\nOnUnitInactiveSec=100ms\nAccuracySec=1ms\n")
}

// triggered requires that a unit starts a service again after a plain stop, and not after ours.
func triggered(t *testing.T, h *Host, name, trigger, content string) {
	t.Helper()
	m := newUnits(t, h, name, 0, map[string]string{trigger: content})
	m.Must(t, "systemctl start "+trigger)
	eventually(t, trigger+" starts the service", func() bool { return m.running(t) != 0 })
	m.comesBack(t, trigger)
	m.stopsAndStarts(t, trigger)
}

// testAccept: each client has an instance of its own, which ends with neither the socket nor a service of that name.
func testAccept(t *testing.T, h *Host) {
	m := newUnits(t, h, "accept", 7023, map[string]string{
		"accept.socket":   "[Socket]\nListenStream=127.0.0.1:7023\nAccept=yes\nTriggerLimitIntervalSec=0\n",
		"accept@.service": "[Service]\nExecStart=" + modular{name: "accept"}.command() + "\n",
	})
	m.Must(t, "systemctl start accept.socket")
	l := newLoad(t, h, m.address())
	l.answered(t, time.Now())
	stay, err := h.dial(m.address(), clientPatience)
	if err != nil {
		t.Fatal(err)
	}
	defer stay.Close()
	eventually(t, "an instance serves the client that stays", func() bool { return len(m.processes(t)) > 0 })

	m.call(t, 0, m.name, "stop")
	stopped := time.Now()
	m.states(t, "inactive", "accept.socket")
	if left := m.processes(t); len(left) > 0 {
		t.Errorf("instances of accept@.service are left: %v", left)
	}
	l.nobodyServed(t, stopped)
	m.Must(t, "pidproof unquiesce "+m.name)
	m.states(t, "active", "accept.socket")
	l.answered(t, time.Now())
}
