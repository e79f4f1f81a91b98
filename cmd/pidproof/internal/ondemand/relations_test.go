package ondemand

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Upward from foo.service: a unit that runs is the end of it, unless it stops with the
// service; and who needs it at each step cannot start without it.
func TestAbove(t *testing.T) {
	start := []*puller{{id: "foo.service", starts: []string{"foo.service"}, needs: true}}
	seen := map[string]bool{"foo.service": true}
	edges := map[string][]edge{"alias.service": {{"onbus.service", true}}}
	level := above(start, []properties{{
		"Names": {"foo.service alias.service"}, "RequiredBy": {"proxy.service"}, "WantedBy": {`multi-user.target "a\\x2db.service"`},
		"UpheldBy": {"proxy.service"}, "OnFailureOf": {"fails.service"},
	}}, edges, seen)
	got := map[string]puller{}
	for _, p := range level {
		got[p.id] = *p
	}
	foo := []string{"foo.service"}
	want := map[string]puller{
		"proxy.service":     {"proxy.service", []string{"proxy.service"}, foo, true, []Kind{Upholds}},
		"multi-user.target": {"multi-user.target", []string{"multi-user.target"}, foo, false, nil},
		`a\x2db.service`:    {`a\x2db.service`, []string{`a\x2db.service`}, foo, false, nil},
		"fails.service":     {"fails.service", []string{"fails.service"}, foo, false, []Kind{OnFailure}},
		"onbus.service":     {"onbus.service", []string{"onbus.service"}, foo, true, nil},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}

	shown := make([]properties, len(level))
	for i, p := range level {
		state := "inactive"
		if p.id == "multi-user.target" || p.id == "proxy.service" {
			state = "active"
		}
		shown[i] = properties{"ActiveState": {state}, "RequiredBy": {"above-" + strings.ReplaceAll(p.id, `\`, `-`) + " foo.service"}}
	}
	above := above(level, shown, edges, seen)
	var ids []string
	for _, p := range above {
		if p.needs != (p.via[1] == "proxy.service" || p.via[1] == "onbus.service") || len(p.via) != 2 {
			t.Errorf("%+v", *p)
		}
		ids = append(ids, p.id)
	}
	slices.Sort(ids)
	if want := []string{"above-a-x2db.service", "above-fails.service", "above-onbus.service", "above-proxy.service"}; !slices.Equal(ids, want) {
		t.Errorf("%v, want %v", ids, want)
	}
}

// What one trigger starts by several ways is all held; what cannot have a drop-in cannot;
// and what is masked is started by nobody.
func TestAdd(t *testing.T) {
	long := strings.Repeat("x", nameMax-len(".d")-len(".service")) + ".service"
	s := Service{Unit: &Unit{ID: "a.service", Load: "loaded"}, parts: []Unit{
		{ID: "b.service", Load: "loaded"}, {ID: long, Load: "loaded"}, {ID: "masked.service", Load: "masked"},
	}}
	for _, add := range []Trigger{
		{Kind: DBus, Name: "org.foo", starts: []string{"a.service"}},
		{Kind: DBus, Name: "org.foo", starts: []string{"a.service", "b.service"}},
		{Kind: DBus, Name: "org.long", starts: []string{long}},
		{Kind: DBus, Name: "org.longer", starts: []string{"a.service", "x" + long}},
		{Kind: DBus, Name: "org.masked", starts: []string{"masked.service"}},
		{Kind: Upholds, Name: "both.target", starts: []string{"b.service", "masked.service"}},
		{Kind: Socket, Name: "x.socket", stops: true},
		{Kind: Socket, Name: "y.socket", accepts: true}, // of systemd-run(1): nothing to hold
	} {
		add.Active = true
		s.add(add)
	}
	got := ""
	for _, trigger := range s.Triggers {
		got += fmt.Sprintln(trigger.Name, trigger.Holdable, trigger.Active, len(trigger.starts))
	}
	const want = "org.foo true true 2\norg.long true true 1\norg.longer false true 2\norg.masked true false 1\nboth.target true true 2\n" +
		"x.socket true true 0\ny.socket false true 0\n"
	if got != want {
		t.Errorf("%s", got)
	}
}

func TestIsUnitName(t *testing.T) {
	for name, want := range map[string]bool{
		"foo.service": true, `a\x2db@c:d.service`: true, strings.Repeat("x", 255): true, "-.mount": true,
		"": false, "foo@.service": false, "a/b.service": false, "*.service": false, "a b.service": false, "a\n.service": false,
		"ä.service": false, strings.Repeat("x", 256): false,
	} {
		if got := isUnitName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
