package lab

import (
	"testing"
	"time"
)

// An upgrade in miniature, with clients all the time: prerm stops the service, dpkg replaces its two modules, postinst
// starts it. A process that starts in between loads them from different versions.

// upgrade returns the attempts of the clients from before prerm to after postinst.
func (m modular) upgrade(t *testing.T, l *load) []attempt {
	t.Helper()
	return m.upgradeBy(t, l, "invoke-rc.d "+m.name+" stop", "invoke-rc.d "+m.name+" start")
}

func (m modular) upgradeBy(t *testing.T, l *load, prerm, postinst string) []attempt {
	t.Helper()
	began := time.Now()
	l.answered(t, began)
	m.Must(t, prerm)
	m.version(t, "new", "first")
	half := time.Now()
	eventually(t, "clients have come in between", func() bool { return len(l.after(half)) >= 20 })
	m.version(t, "new", "second")
	m.Must(t, postinst)
	l.answered(t, time.Now())
	return l.after(began)
}

func testMixed(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "mixed", 7002)
	requireMix(t, m.upgrade(t, l))
}

// requireMix is the control.
func requireMix(t *testing.T, attempts []attempt) {
	t.Helper()
	for _, a := range served(attempts) {
		if a.module == "new old" || a.module == "old new" {
			return
		}
	}
	t.Error("no client met a mix of old and new modules: this upgrade proves nothing")
}

func testNotMixed(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "unmixed", 7024)
	requireNoMix(t, m.upgrade(t, l))
	m.states(t, "active", "unmixed.socket", m.service())
}

func requireNoMix(t *testing.T, attempts []attempt) {
	t.Helper()
	met := map[string]int{}
	for _, a := range served(attempts) {
		met[a.module]++
	}
	if met["old old"] == 0 || met["new new"] == 0 || len(met) != 2 {
		t.Errorf("clients met %v, want old old, then new new, and nothing else", met)
	}
}
