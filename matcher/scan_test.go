package matcher

import (
	"strings"
	"testing"

	"pidproof/matcher/internal/rules"
)

// Of a process whose executable may not be read, anybody may read the arguments.
// (No text can make a link unreadable, least of all for root.)
func TestNameFits(t *testing.T) {
	f := loadFixture(t, fixtures+"/no-pidfile.txtar")
	for i, c := range []struct {
		comm, argv string
		want       bool
	}{
		{"daemon", "x", true},
		{"x", "/usr/sbin/daemon", true},
		{"python3", "/usr/bin/python3 -u /usr/sbin/daemon", true},
		{"daemon: master", "daemon:master", true},
		{"monitor", "monitor[daemon]", true},
		{"python3", "/usr/bin/python3 -m lint /usr/sbin/daemon", false},
		{"x", "x y", false},
	} {
		d := rules.Daemon{Path: "/usr/sbin/daemon", Real: "/usr/sbin/daemon", Script: &rules.Interpreter{Path: "/usr/bin/python3", Real: "/usr/bin/python3.11"}}
		pid := 4000001 + i
		f.process(pid, map[string]string{"comm": c.comm, "argv": c.argv})
		f.must(f.host.Open())
		fits := func() bool { return d.NameFits(c.comm, f.host.ReadArgv(pid)) }
		if got := fits(); got != c.want {
			t.Errorf("%q %q: got %v", c.comm, c.argv, got)
		}
		d.Script = nil
		if got := fits(); got != (c.comm == "daemon" || strings.HasSuffix(c.argv, "/daemon") && !strings.Contains(c.argv, " ")) {
			t.Errorf("no script, %q %q: got %v", c.comm, c.argv, got)
		}
	}
}
