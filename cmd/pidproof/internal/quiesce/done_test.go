package quiesce

import (
	"testing"

	"pidproof/cmd/pidproof/internal/ondemand"
)

// Who stops a service a second time is told what is held off, too.
func TestDone(t *testing.T) {
	armed := ondemand.Trigger{Name: "a.socket", State: "listening", Active: true, Holdable: true}
	held := ondemand.Trigger{Name: "b.timer", State: "held off", Holdable: true}
	name := ondemand.Trigger{Name: "org.foo", State: "activatable", Active: true}
	off := ondemand.Trigger{Name: "c.path", State: "dead", Holdable: true}
	const until = `held off until "invoke-rc.d foo start" or "pidproof unquiesce foo": `
	for _, row := range []struct {
		triggers []ondemand.Trigger
		onDemand bool
		want     string
	}{
		{nil, false, "foo is stopped; nothing can start it on demand"},
		{[]ondemand.Trigger{off}, false, "foo is stopped; nothing can start it on demand"},
		{[]ondemand.Trigger{armed, off}, false, "foo is stopped; " + until + "a.socket"},
		{[]ondemand.Trigger{held}, false, "foo is stopped; " + until + "b.timer"},
		{[]ondemand.Trigger{held, armed}, false, "foo is stopped; " + until + "a.socket b.timer"},
		{[]ondemand.Trigger{armed}, true, "foo was stopped, and may be started again by: a.socket"},
		{[]ondemand.Trigger{name}, false, "foo was stopped, and may be started again by: org.foo"},
		{[]ondemand.Trigger{armed, name}, false, "foo was stopped, and may be started again by: org.foo; " + until + "a.socket"},
		{[]ondemand.Trigger{held}, true, "foo is stopped; " + until + "b.timer"},
		{[]ondemand.Trigger{armed, held}, true, "foo was stopped, and may be started again by: a.socket; " + until + "b.timer"},
	} {
		q := Quiescing{Services: []ondemand.Service{{Name: "foo", Triggers: row.triggers}}, OnDemand: row.onDemand}
		if got := q.Done(); got != row.want {
			t.Errorf("%v, on demand %v:\n%s, want\n%s", row.triggers, row.onDemand, got, row.want)
		}
	}
}
