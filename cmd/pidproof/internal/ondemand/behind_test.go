package ondemand

import (
	"slices"
	"testing"
)

func TestSocketsFirst(t *testing.T) {
	units := []string{"a.service", "b.socket", "c", "a.socket", "d.path"}
	if got := SocketsFirst(units); !slices.Equal(got, []string{"b.socket", "a.socket", "a.service", "c", "d.path"}) {
		t.Errorf("%q", got)
	}
	if units[0] != "a.service" {
		t.Errorf("what was given is changed: %q", units)
	}
}

func TestAddBlocked(t *testing.T) {
	var blocked []Blocked
	for _, one := range [][2]string{{"a", "a.socket"}, {"b", "b.socket"}, {"a", "a2.socket"}, {"a", "a.socket"}} {
		blocked = addBlocked(blocked, one[0], one[1])
	}
	if len(blocked) != 2 || !slices.Equal(blocked[0].Sockets, []string{"a.socket", "a2.socket"}) {
		t.Errorf("%+v", blocked)
	}
}
