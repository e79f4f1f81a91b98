package lab

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// onDemandPolicy is a policy-rc.d that forbids to touch "denied", and kills the pidproof that stops "killed" between
// the triggers and the service: invoke-rc.d asks it then, and answered 101 does not stop the service either.
const onDemandPolicy = `cat >/usr/sbin/policy-rc.d <<'END'
#!/bin/sh
case $1 in --quiet) shift ;; esac
case $1 in
denied | unitsdenied | unitsdenied.service | unitsdenied.socket) exit 101 ;;
hangpolicy | hangpolicy.service) ! rm /run/hang-hangpolicy 2>/dev/null || exec sleep 7363 ;;
killed*)
	[ "$2" = stop ] && [ -e "/run/kill-$1" ] && ! systemctl -q is-active "$1.socket" || exit 104
	rm "/run/kill-$1"
	pkill -KILL -f "^[^ ]*pidproof .*$1( |$)" || echo "nobody to kill" >&2
	exit 101
	;;
esac
exit 104
END
chmod 755 /usr/sbin/policy-rc.d`

// testKilledBetween: what a pidproof that was killed had recorded is not lost, and neither way forward is blocked.
func testKilledBetween(t *testing.T, h *Host) {
	ports := map[string]int{"killed-done": 7030, "killed-undone": 7031, "killed-started": 7032}
	for name, after := range map[string]func(modular, *load){
		"killed-done": func(m modular, l *load) {
			m.call(t, 0, m.name, "stop")
			stopped := time.Now()
			m.gone(t, m.name+".socket")
			l.nobodyServed(t, stopped)
			m.call(t, 0, m.name, "start")
		},
		"killed-undone":  func(m modular, l *load) { m.Must(t, "pidproof unquiesce "+m.name) },
		"killed-started": func(m modular, l *load) { m.call(t, 0, m.name, "start") },
	} {
		m, l := newSocketed(t, h, name, ports[name])
		m.Must(t, "touch /run/kill-"+m.name)
		result := m.Run(t, "invoke-rc.d", m.name, "stop")
		if m.Sh(t, "test -e /run/kill-"+m.name).Code == 0 || strings.Contains(result.Stderr, "nobody to kill") {
			t.Errorf("pidproof was not killed: %+v", result)
		}
		m.states(t, "inactive", m.name+".socket")
		m.states(t, "active", m.service())
		after(m, l)
		m.states(t, "active", m.name+".socket", m.service())
		l.answered(t, time.Now())
		if m.Sh(t, "test -e "+m.record()).Code == 0 {
			t.Errorf("%s is still there", m.record())
		}
	}
}

// testRunReadOnly: what cannot be recorded must not be held off, or it would be lost.
func testRunReadOnly(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "readonly", 7033)
	result := m.Run(t, "unshare", "-m", "sh", "-c",
		"mount --bind /run /run && mount -o remount,bind,ro /run && exec pidproof quiesce readonly")
	if result.Code == 0 || !strings.Contains(result.Stderr, "pidproof: ") ||
		!strings.Contains(result.Stderr, "/run/pidproof") {
		t.Errorf("quiesce with a read-only /run: %+v, want it refused, and /run/pidproof named", result)
	}
	m.states(t, "active", m.name+".socket")
	l.answered(t, time.Now())
}

// testRunFull: what cannot be written holds nothing off, and is one line; what was held off is given back. Issue 16.3.
func testRunFull(t *testing.T, h *Host) {
	m := newUnits(t, h, "full", 7036, map[string]string{"full.target": "[Unit]\nUpholds=full.service\n"})
	m.addSocket(t)
	m.Must(t, "systemctl start full.target")
	eventually(t, "the service runs", func() bool { return m.running(t) != 0 })
	full := func(where, inodes, command string) Result {
		return m.Sh(t, "unshare -m sh -c 'mkdir -p "+where+"; mount -t tmpfs -o mode=755,nr_inodes="+inodes+" tmpfs "+where+"; exec "+command+"'")
	}
	for where, says := range map[string]string{"/run/pidproof": "/run/pidproof/quiesced/full", "/run/systemd/system": m.dropIn(m.service())} {
		result := full(where, map[string]string{"/run/pidproof": "3", "/run/systemd/system": "2"}[where], "pidproof quiesce full")
		if result.Code != 4 || result.Stderr != "pidproof: full: not stopped: "+says+" not written: no space left on device\n" {
			t.Errorf("quiesce with a full %s: %+v", where, result)
		}
		m.released(t)
		m.states(t, "active", "full.socket", m.service())
	}
	m.Must(t, "systemctl stop full.target")
	result := full("/run/pidproof", "3", "deb-systemd-invoke stop full.service")
	if result.Code != 0 || strings.Count(result.Stderr, "pidproof: ") != 1 ||
		!strings.HasSuffix(result.Stderr, "may be started again by: full.socket; not held off: /run/pidproof/quiesced/full not written: no space left on device\n") {
		t.Errorf("stop: %+v", result)
	}
	m.released(t)
	m.states(t, "active", "full.socket")
	m.Must(t, "systemctl start full.target")
	eventually(t, "the service is upheld", func() bool { return m.running(t) != 0 })
	m.Must(t, "pidproof quiesce full && touch /run/systemd/system/full.socket.d") // where its drop-in would be
	m.Must(t, "pidproof unquiesce full")
	m.states(t, "active", "full.socket")
	m.released(t)
	m.Must(t, "rm /run/systemd/system/full.socket.d; systemctl stop full.target full.socket full")
}

// testDamagedRecord: reported, and the service handled as without one.
func testDamagedRecord(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "damaged", 7034)
	for _, content := range []string{"", "{", `{"triggers":7}`} {
		m.Must(t, "mkdir -p -m 700 /run/pidproof/quiesced && printf '"+content+"' >"+m.record())
		for _, action := range []string{"start", "restart", "stop"} {
			m.reports(t, content, m.call(t, 0, m.name, action))
			m.Must(t, "printf '"+content+"' >"+m.record())
		}
		m.gone(t, m.name+".socket") // stop has held off what the damaged record did not name
		m.reports(t, content, m.Run(t, "pidproof", "unquiesce", m.name))
		m.Must(t, "rm -f "+m.record()+"; systemctl stop damaged.service; systemctl start damaged.socket")
		l.answered(t, time.Now())
	}
}

func (m modular) reports(t *testing.T, content string, result Result) {
	t.Helper()
	if !strings.Contains(result.Stderr, "pidproof: ") || !strings.Contains(result.Stderr, m.record()) {
		t.Errorf("%s holds %q, and nobody says so: %+v", m.record(), content, result)
	}
}

// testNoAnswer: PID 1, or the bus to it, hangs. A start that comes when it answers again is not refused for what is held
// off still. Issue 16.3.
func testNoAnswer(t *testing.T, h *Host) {
	m, l := newSocketed(t, h, "noanswer", 7035)
	m.Must(t, `printf '[Unit]\nUpholds=noanswer.service\n' >/etc/systemd/system/noanswer.target
		mkdir /run/hang && printf '#!/bin/sh\nexec sleep 7360\n' >/run/hang/systemctl
		mkdir /run/busy && printf '#!/bin/sh\ncase $1 in --no-pager) exec sleep 7360 ;; esac\nexec /bin/systemctl "$@"\n' >/run/busy/systemctl
		chmod 755 /run/hang/systemctl /run/busy/systemctl; systemctl daemon-reload; systemctl start noanswer.target`)
	for _, command := range []string{"triggers", "quiesce", "quiesce --allow-on-demand", "unquiesce"} {
		if command == "unquiesce" {
			m.Must(t, "pidproof quiesce noanswer")
		}
		result := m.Sh(t, "PATH=/run/hang:$PATH; pidproof --timeout 1s "+command+" noanswer")
		if result.Code != 4 || result.Stderr != "pidproof: systemctl: no answer in time\n" {
			t.Errorf("%s: %+v, want exit 4", command, result)
		}
	}
	for _, start := range []string{"deb-systemd-invoke start noanswer.service", "invoke-rc.d noanswer start"} {
		m.Must(t, "pidproof quiesce noanswer; test -e "+m.dropIn(m.service()))
		result := m.Sh(t, "PATH=/run/busy:$PATH; "+start)
		if result.Code != 0 || strings.Count(result.Stderr, "pidproof: ") != 1 || !strings.Contains(result.Stderr, ": what was held off is not restored: systemctl: no answer in time\n") {
			t.Errorf("%s: %+v, want exit 0, and one line", start, result)
		}
		m.states(t, "active", m.service())
		m.states(t, "inactive", m.name+".socket")
		m.Must(t, "pidproof unquiesce noanswer")
		m.states(t, "active", m.name+".socket", m.service())
		m.released(t)
		l.answered(t, time.Now())
	}
	if left := m.Sh(t, "pgrep -f '^sleep 7360'").Stdout; left != "" {
		t.Errorf("a systemctl that did not answer is left: %s", left)
	}
	m.Must(t, "systemctl stop noanswer.target")
}

// testSlowAnswers: systemd answers each question in time, and all of them take longer than one may. On a busy host, where
// packages had it read its units anew all the time, "quiesce" said "no answer in time".
func testSlowAnswers(t *testing.T, h *Host) {
	const seconds, timeout = 5, 14
	m, l := newSocketed(t, h, "slowly", 7091)
	m.Must(t, fmt.Sprintf(`mkdir -p /run/slowly && printf '#!/bin/sh\ncase $1 in --no-pager) echo >>/run/slowly/asked; sleep %d ;; esac; exec /bin/systemctl "$@"\n' >/run/slowly/systemctl
		chmod 755 /run/slowly/systemctl`, seconds))
	for _, command := range []string{"triggers", "quiesce", "unquiesce"} {
		result := m.Sh(t, fmt.Sprintf("rm -f /run/slowly/asked; PATH=/run/slowly:$PATH; pidproof --timeout %d %s slowly", timeout, command))
		if result.Code != 0 || strings.Contains(result.Stderr, "no answer") {
			t.Errorf("%s: %+v", command, result)
		}
		if asked := strings.Count(m.Must(t, "cat /run/slowly/asked"), "\n"); asked*seconds <= timeout {
			t.Errorf("%s asked %d times: that is no longer than one answer may take", command, asked)
		}
	}
	l.answered(t, time.Now())
	m.released(t)
}
