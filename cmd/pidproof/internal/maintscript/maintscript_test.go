package maintscript

import (
	"testing"
)

func TestIsName(t *testing.T) {
	for name, want := range map[string]bool{
		"rtkit": true, "libstdc++6:amd64": true, "0ad": true, "": false, "-f": false, ":amd64": false, "a*": false, "a b": false, "a\n": false, "A": false,
	} {
		if IsName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestAllDone(t *testing.T) {
	for states, want := range map[string]bool{
		"": true, "installed\n": true, "config-files\nnot-installed\n": true, "triggers-awaited\ntriggers-pending\n": true,
		"installed\nhalf-configured\n": false, "unpacked\ninstalled\n": false, "half-installed\n": false,
	} {
		if allDone(states) != want {
			t.Errorf("%q: %v", states, !want)
		}
	}
}

// Nothing of a database is nothing new.
func TestLook(t *testing.T) {
	if before, now := Look(), Look(); before != now {
		t.Error("nothing has changed")
	}
}
