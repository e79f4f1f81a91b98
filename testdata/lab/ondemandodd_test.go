package lab

import (
	"strings"
	"testing"
	"time"
)

// Lines and units that no package of Debian's has, and a service may.

// testOddOptions: the line is read as Perl's Getopt::Long does for the real program. Issue 16.1.
func testOddOptions(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "oddoptions", 7400)
	for _, stop := range []string{
		"-- stop oddoptions.service", "--no-d stop oddoptions", "stop oddoptions --system", "--us --sys stop oddoptions.service",
		"stop --nosuch oddoptions", "+sys stop oddoptions", "stop oddoptions -- --quiet",
	} {
		m.Must(t, "deb-systemd-invoke "+stop)
		stopped := time.Now()
		m.gone(t, m.name+".socket")
		l.nobodyServed(t, stopped)
		m.Must(t, "deb-systemd-invoke -- start oddoptions.service --sys")
		m.restored(t, l)
	}
	const says = "pidproof: deb-systemd-invoke: nothing is held off: systemctl is given --no-block\n"
	if result := m.Sh(t, "deb-systemd-invoke stop -- --no-block oddoptions"); result.Code != 0 || !strings.Contains(result.Stderr, says) {
		t.Errorf("what is not awaited: %+v", result)
	}
	m.states(t, "active", m.name+".socket")
}
