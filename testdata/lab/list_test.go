package lab

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestList: what list, and what hangs on it, say of Debian's own packages: redis-server and redis-sentinel are links to
// redis-check-rdb, munin-node and postgrey are Perl's, supervisor is Python's, and calls its pidfile otherwise.
func TestList(t *testing.T) { onBoth(t, testList) }

func testList(t *testing.T, d debian) {
	h := d.boot(t)
	pidfiles := map[string]string{
		"redis-server": "/run/redis/redis-server.pid", "redis-sentinel": "/run/sentinel/redis-sentinel.pid", "supervisor": "/run/supervisord.pid",
	}
	if !d.few { // its Perl is the same
		pidfiles["munin-node"], pidfiles["postgrey"] = "/run/munin/munin-node.pid", "/run/postgrey.pid"
	}
	h.Install(t, slices.Sorted(maps.Keys(pidfiles))...)
	installPidproof(t, h)
	pids := map[string]string{}
	for name, pidfile := range pidfiles {
		h.Sh(t, "/etc/init.d/"+name+" start")
		eventually(t, name+" runs", func() bool { return h.Sh(t, "kill -0 $(cat "+pidfile+")").Code == 0 })
		pids[name] = strings.TrimSpace(h.Must(t, "cat "+pidfile))
	}
	shows := func(t *testing.T, name, binary, executable, more string) {
		t.Helper()
		said := h.Must(t, "COLUMNS=1000 pidproof list")
		row := fmt.Sprintf(`(?m)^%s +running +%s +\S+ +\S+ \S+ +%s +[0-9-]+ +no +%s +%s +.*%s`, name, pids[name], binary, pidfiles[name], executable, more)
		if !regexp.MustCompile(row).MatchString(said) {
			t.Errorf("list has no row %s:\n%s", row, said)
		}
	}
	t.Run("names", func(t *testing.T) {
		shows(t, "redis-server", "current", "/usr/bin/redis-server", `listens on tcp 127\.0\.0\.1:6379`)
		shows(t, "redis-sentinel", "current", "/usr/bin/redis-sentinel", ":26379")
		shows(t, "supervisor", "unknown", "/usr/bin/supervisord", "supervisor.sock")
		if !d.few {
			shows(t, "munin-node", "unknown", "/usr/sbin/munin-node", ":4949")
		}
		if said := h.Must(t, "pidproof list redis-server"); !strings.Contains(said, pids["redis-server"]) {
			t.Errorf("list redis-server: %s", said)
		}
	})
	h.Must(t, `set -e
		for file in perl redis-check-rdb $(basename $(readlink -f /usr/bin/python3)); do cp /usr/bin/$file /usr/bin/new; mv /usr/bin/new /usr/bin/$file; done`)
	t.Run("replaced", func(t *testing.T) {
		shows(t, "redis-server", "replaced", "/usr/bin/redis-server", "")
		shows(t, "supervisor", "replaced", "/usr/bin/supervisord", "")
		if !d.few {
			shows(t, "munin-node", "replaced", "/usr/sbin/munin-node", "")
		}
		said := h.Must(t, "pidproof after-upgrade")
		for name := range pidfiles {
			want := fmt.Sprintf(`(?m)^ +%s +PID %s +invoke-rc\.d %s restart$`, name, pids[name], name)
			if !regexp.MustCompile(want).MatchString(said) {
				t.Errorf("after-upgrade says nothing of %s:\n%s", name, said)
			}
		}
	})
	if d.few {
		return
	}
	t.Run("restarted", func(t *testing.T) {
		h.Must(t, "pidproof register munin-node -p /run/munin/munin-node.pid /usr/sbin/munin-node")
		if said := h.Must(t, "pidproof restart --replaced"); !strings.Contains(said, "munin-node: restarted: PID "+pids["munin-node"]+" is now ") {
			t.Errorf("restart says %s", said)
		}
	})
	t.Run("lost", func(t *testing.T) {
		h.Must(t, "rm /run/postgrey.pid")
		result := h.Run(t, "pidproof", "adopt", "--yes", "-p", "/run/postgrey.pid", "/usr/sbin/postgrey")
		if result.Code != 1 || !strings.Contains(result.Stdout, "runs unclaimed as PID "+pids["postgrey"]+",") || !strings.Contains(result.Stderr, "; if it is meant, write its number into /run/postgrey.pid") {
			t.Errorf("adopt: %+v", result)
		}
		h.Must(t, "echo "+pids["postgrey"]+" >/run/postgrey.pid; pidproof check -p /run/postgrey.pid /usr/sbin/postgrey")
	})
}
