package matcher

import (
	"slices"
	"testing"

	"pidproof/matcher/internal/rules"
)

// The user that a daemon runs as could otherwise give root's instance another name, by a
// pidfile in /run/lock.
func TestRootsPidfileNamesTheInstance(t *testing.T) {
	users := Listed{Report: Report{Verdict: Running, Pidfile: Pidfile{rules.Pidfile{Path: "/run/lock/a.pid", PID: 7, Owner: 65533}}}, Known: -1}
	roots := Listed{Report: Report{Verdict: Running, Pidfile: Pidfile{rules.Pidfile{Path: "/run/memc.pid", PID: 7}}}, Known: -1}
	for _, order := range [][]Listed{{users, roots}, {roots, users}} {
		all := Inventory{Instances: slices.Clone(order)}
		all.merge()
		if len(all.Instances) != 1 || all.Instances[0].Pidfile.Path != "/run/memc.pid" || !slices.Equal(all.Instances[0].Also, []string{"/run/lock/a.pid"}) {
			t.Errorf("merged: %+v", all.Instances)
		}
	}
}
