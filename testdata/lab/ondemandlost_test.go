package lab

import (
	"strings"
	"testing"
)

// testLostStop: systemctl waits for ever for a job that systemd has cancelled while it read its units anew, which it tells
// nobody. That was seen, once in a hundred tries at most, where a path had a socket started that was being stopped:
// "deb-systemd-invoke stop" waited for five minutes, and nothing was held off. Here the first systemctl that stops hangs, before
// or after.
func testLostStop(t *testing.T, h *Host) {
	h.Must(t, `mkdir /run/lost && touch /run/lost/work && cat >/run/lost/systemctl <<'END' && chmod 755 /run/lost/systemctl
#!/bin/sh
case "$*" in *ignore-dependencies*)
	if mkdir /run/lost/once 2>/dev/null; then
		[ ! -e /run/lost/stops ] || /bin/systemctl "$@"
		exec sleep 7364
	fi ;;
esac
exec /bin/systemctl "$@"
END`)
	m := newUnits(t, h, "lost", 0, map[string]string{
		"lost.service": "[Unit]\nRequires=lost.socket\n[Service]\nExecStart=sleep 757\n",
		"lost.socket":  "[Socket]\nListenStream=/run/lost/socket\n",
		"lost.path":    "[Path]\nPathExists=/run/lost/work\n",
	})
	for _, before := range []string{"touch /run/lost/stops", "rm -f /run/lost/stops"} {
		for _, stop := range []string{"deb-systemd-invoke stop lost.socket", "pidproof quiesce lost"} {
			m.Must(t, before+"; rm -df /run/lost/once; systemctl start lost.socket lost.path lost.service")
			result := m.Sh(t, "PATH=/run/lost:$PATH; "+stop)
			if result.Code != 0 || !strings.Contains(result.Stdout+result.Stderr, `"pidproof unquiesce lost": lost.`) {
				t.Errorf("%s: %+v", stop, result)
			}
			m.gone(t, "lost.socket", "lost.path")
			m.Must(t, "test -d /run/lost/once; pidproof unquiesce lost")
			m.released(t)
		}
	}
	if left := m.Sh(t, "pgrep -f '^sleep 7364'").Stdout; left != "" {
		t.Errorf("a systemctl that waited is left: %s", left)
	}
	m.Must(t, "systemctl stop lost.path lost.socket lost.service")

	// One that takes its time has a job meanwhile, and is waited for: longer than is looked for one that has none.
	lingers := newUnits(t, h, "lingers", 0, map[string]string{
		"lingers.service": "[Service]\nExecStart=sleep 758\nExecStop=sleep 25\n",
		"lingers.socket":  "[Socket]\nListenStream=/run/lingers\n",
	})
	lingers.Must(t, "systemctl start lingers.socket lingers.service")
	result := lingers.Sh(t, "deb-systemd-invoke restart lingers.socket")
	if result.Code != 0 || !strings.Contains(result.Stderr, "pidproof: lingers ran, and was started anew behind its sockets") {
		t.Errorf("restart: %+v", result)
	}
	lingers.states(t, "active", "lingers.socket", "lingers.service")
	lingers.Must(t, "systemctl stop lingers.socket; systemctl kill -s KILL lingers; systemctl stop lingers")
}
