package lab

import (
	"os"
	"slices"
	"strings"
	"testing"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// TestDebsApache2 is what an administrator does who has Debian #868861: he installs the two packages, and nothing else. In
// CI he also does it under systemd, on Debian 13.
func TestDebsApache2(t *testing.T) {
	t.Parallel()
	for _, under := range []struct {
		init string
		boot func(*testing.T) *Host
		test func(*testing.T, *Host)
	}{
		{"sysvinit", chosen().boot, upgradedUnderSysvinit},
		{"systemd", bootTrixieSystemd, upgradedUnderSystemd},
	} {
		if under.init == "systemd" && os.Getenv("CI") == "" && !rounds.Long() {
			continue
		}
		t.Run(under.init, func(t *testing.T) {
			t.Parallel()
			need.Program(t, "make")
			h := bootSites(t, debian{boot: under.boot})
			h.AptAlone(t)
			bringDebs(t, h)
			before := h.Must(t, tree)

			h.Must(t, "apt-get install -y -q "+debsOf(""))
			wrappers(t, h, true)
			under.test(t, h)

			h.Must(t, "apt-get remove -y -q pidproof pidproof-wrappers")
			wrappers(t, h, false)
			left := changes(before, h.Must(t, tree))
			if !slices.Equal(kept(left), []string{"/etc/apt/apt.conf.d/90pidproof", "/etc/default/pidproof"}) {
				t.Errorf("removed, and of the host there is\n%s", strings.Join(left, "\n"))
			}
			h.Must(t, "apt-get purge -y -q pidproof pidproof-wrappers")
			requireSame(t, "purged", before, h.Must(t, tree))
		})
	}
}

// kept are the files that changes adds, once each.
func kept(lines []string) (files []string) {
	for _, line := range lines {
		fields := strings.Fields(line)
		if file := fields[1]; strings.HasPrefix(file, "/") {
			files = append(files, file)
		} else {
			files = append(files, fields[len(fields)-1]) // of sha256sum
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// upgradedUnderSysvinit: without the packages, foo's restart fails after the upgrade, as testControl shows.
func upgradedUnderSysvinit(t *testing.T, h *Host) {
	if !t.Run("upgrade", func(t *testing.T) { testUpgrade(t, h) }) {
		return
	}
	for _, s := range []site{foo, bar} {
		before := s.pid(t, h)
		if result := h.Run(t, s.script(), "restart"); result.Code != 0 || strings.Contains(result.Stdout, unmatched) {
			t.Errorf("%s restart: %+v", s.script(), result)
		}
		if s.pid(t, h) == before {
			t.Errorf("apache2%s was restarted, and is still PID %d", s.suffix, before)
		}
		s.expect(t, h, 0)
		s.answers(t, h)
	}
	if result := h.Run(t, main.script(), "stop"); result.Code != 0 {
		t.Errorf("%s stop: %+v", main.script(), result)
	}
	h.Must(t, main.script()+" start")
	main.answers(t, h)
}

// upgradedUnderSystemd: there apt's hook names those of the old binary, which nobody restarts.
func upgradedUnderSystemd(t *testing.T, h *Host) {
	result := h.Apt(t, "apache2-bin", "apache2")
	_, others, _ := strings.Cut(result.Stdout, "running the binary of before an upgrade:\n")
	for _, s := range []site{foo, bar} {
		pid := s.pid(t, h)
		if !names(others, pid) {
			t.Errorf("apt does not name PID %d of apache2%s:\n%s%s", pid, s.suffix, result.Stdout, result.Stderr)
		}
		h.Must(t, "systemctl restart "+s.unit())
		eventually(t, "it has written its pidfile", func() bool { return h.Sh(t, "test -s "+s.pidfile()).Code == 0 })
		if s.pid(t, h) == pid {
			t.Errorf("apache2%s was restarted, and is still PID %d", s.suffix, pid)
		}
		s.expect(t, h, 0)
		s.answers(t, h)
	}
	main.answers(t, h)
}
