package census

import (
	"strings"
	"testing"
)

// What breaks a promise, each alone.
func TestBroken(t *testing.T) {
	good := Seen{Operation: Upgrade, Rounds: 9, Triggers: []string{"a.socket"},
		Calls:  []Call{{"preinst", "deb-systemd-invoke stop a.service a.socket", 1}, {"postinst", "deb-systemd-invoke start a.service", 2}},
		Starts: []Start{{"a.service", "postinst", 2, true}}, Half: map[string]string{"a.service": Stopped, "b.service": Old}}
	if broken := good.Broken(); broken != nil {
		t.Errorf("all is well, and %q", broken)
	}
	for what, change := range map[string]func(*Seen){
		"exit status":  func(s *Seen) { s.Exit = 1 },
		"knocked":      func(s *Seen) { s.Rounds = 0 },
		"in spite of":  func(s *Seen) { s.Starts = []Start{{"a.service", "postrm", 1, false}} },
		"(preinst)":    func(s *Seen) { s.Starts = []Start{{"a.service", "preinst", 1, true}} },
		"(postinst)":   func(s *Seen) { s.Operation = Remove },
		"half":         func(s *Seen) { s.Half = map[string]string{"a.service": Stopped, "b.service": Started} },
		"afterwards: ": func(s *Seen) { s.Changed = []string{"a.socket was active, is inactive"} },
		"c.service":    func(s *Seen) { s.Others = []string{"c.service"} },
	} {
		bad := good
		change(&bad)
		if broken := bad.Broken(); len(broken) != 1 || !strings.Contains(broken[0], what) {
			t.Errorf("%s: %q", what, broken)
		}
	}
	directly := good
	directly.Calls = append([]Call{{"preinst", "systemctl stop a.socket", 0}}, good.Calls...)
	directly.Starts = []Start{{"a.service", "preinst", 1, true}}
	if broken := directly.Broken(); broken != nil {
		t.Errorf("systemctl has no wrapper, and %q", broken)
	}
	directly.Starts[0].Calls++
	if broken := directly.Broken(); len(broken) != 1 {
		t.Errorf("the wrapper was called, and %q", broken)
	}
	meanwhile := good
	meanwhile.Starts = []Start{{"a@.service", "preinst", 1, false}}
	if broken := meanwhile.Broken(); broken != nil {
		t.Errorf("the stop had not ended, and %q", broken)
	}
	left := Seen{Operation: Remove, Changed: []string{"a.service is active"}}
	if broken := left.Broken(); broken != nil {
		t.Errorf("nobody has stopped it, and %q", broken)
	}
	never := good
	never.Calls, never.Starts = never.Calls[1:], []Start{{"a.service", "unpack", 0, false}}
	if broken := never.Broken(); broken != nil {
		t.Errorf("nobody has asked for a stop, and %q", broken)
	}
}

// systemctl has no wrapper.
func TestAsked(t *testing.T) {
	for want, calls := range map[float64][]Call{
		0: {{"prerm", "systemctl stop a.socket", 1}, {"postinst", "deb-systemd-invoke start a.service", 2}},
		3: {{"prerm", "systemctl stop a.socket", 1}, {"prerm", "invoke-rc.d --skip-systemd-native a stop", 3}, {"prerm", "invoke-rc.d b stop", 4}},
	} {
		if got := (Seen{Calls: calls}).Asked(); got != want {
			t.Errorf("%v: %v, want %v", calls, got, want)
		}
	}
}

// The list holds what the issue asks for, each package once. (issue 16.7)
func TestList(t *testing.T) {
	often, all := map[string]bool{}, map[string]bool{}
	for _, group := range Groups() {
		for _, p := range group {
			if all[p.Name] || strings.ContainsAny(p.Name, " *|") {
				t.Errorf("%q is there twice, or no name", p.Name)
			}
			all[p.Name] = true
			if p.Often {
				often[p.Name] = true
			}
		}
	}
	if len(all) < 39 || len(often) < 10 {
		t.Errorf("%d packages, %d of them often", len(all), len(often))
	}
	for _, name := range []string{"rpcbind", "cups-daemon", "avahi-daemon", "acpid", "openssh-server", "gpsd", "uuid-runtime"} {
		if !often[name] {
			t.Errorf("%s is not among those of `make test`", name)
		}
	}
}
