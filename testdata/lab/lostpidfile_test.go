package lab

import (
	"fmt"
	"strings"
	"testing"
)

// losing are services whose daemon starts a second time where its pidfile was lost (issue 15.10).
var losing = []service{
	{"atd", "/usr/sbin/atd", "/run/atd.pid", []string{"at"}, nil},
	{"cron", "/usr/sbin/cron", "/run/crond.pid", []string{"cron"}, nil},
}

// testLostPidfile: the second one is said to be one, and with PIDPROOF_START=strict not started; what the daemons have
// left behind, for ordinary users, keeps nobody from starting them.
func testLostPidfile(t *testing.T, h *Host) {
	h.Must(t, `exec 2>&1
		dpkg --purge --force-depends at cron; rm -rf /etc/cron.d/* /var/lib/man-db/auto-update
		id user || useradd --create-home user`)
	h.Install(t, "at", "cron-daemon-common", "cron")
	installWrapper(t, h)
	for _, s := range append([]service{sshd}, losing...) {
		t.Run(s.name, func(t *testing.T) { s.losesPidfile(t, h) })
	}
	t.Run("left behind", func(t *testing.T) { testLeftBehind(t, h) })
}

const strictly = "echo PIDPROOF_START=strict >/etc/default/pidproof"

func (s service) losesPidfile(t *testing.T, h *Host) {
	h.Must(t, "rm -f /etc/default/pidproof; "+s.script()+" restart")
	eventually(t, s.name+" runs", func() bool { return s.pid(t, h) != 0 })
	first := s.pid(t, h)
	words := fmt.Sprintf("%s runs outside every pidfile, as PID %d: ", s.daemon, first)

	h.Must(t, "rm "+s.pidfile)
	if result := h.Sh(t, s.script()+" start 2>&1"); strings.Count(result.Stdout, words) != 1 || !strings.Contains(result.Stdout, "; started nevertheless") {
		t.Errorf("its pidfile is lost, and start says %+v", result)
	}
	for _, pid := range mains(t, h, s.daemon) {
		if pid != first {
			h.Must(t, fmt.Sprintf("kill -KILL %d; while [ -e /proc/%[1]d ]; do sleep 0.01; done", pid))
		}
	}

	h.Must(t, "rm -f "+s.pidfile+"; "+strictly)
	before := mains(t, h, s.daemon)
	result := h.Sh(t, s.script()+" start 2>&1")
	if after := mains(t, h, s.daemon); result.Code != 0 || !strings.Contains(result.Stdout, words) || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("strict: %+v; %v ran before, %v now", result, before, after)
	}
	// What it advises mends it.
	_, advice, _ := strings.Cut(result.Stdout, "mend its pidfile (")
	advice, _, _ = strings.Cut(advice, ")")
	h.Must(t, advice+" --yes")
	s.call(t, h, "status", 0)
	if result := h.Sh(t, s.script()+" restart 2>&1"); result.Code != 0 || strings.Contains(result.Stdout, "pidproof: ") {
		t.Errorf("restart after that: %+v", result)
	}
}

// testLeftBehind restarts each with a job or session of an ordinary user that outlives it.
func testLeftBehind(t *testing.T, h *Host) {
	h.Must(t, strictly+`
		rm -f /run/crond.reboot /var/run/crond.reboot
		echo '@reboot user echo >/tmp/cron-job; sleep 1000' >/etc/cron.d/job
		/etc/init.d/cron restart
		su user -c 'echo "echo >/tmp/at-job; sleep 1000" | at now' 2>&1`)
	openSession(t, h, "left")
	eventually(t, "both jobs run", func() bool { return h.Sh(t, "test -e /tmp/cron-job && test -e /tmp/at-job").Code == 0 })
	for _, s := range append([]service{sshd}, losing...) {
		before := h.Must(t, "pgrep -x "+s.daemon[strings.LastIndex(s.daemon, "/")+1:])
		if strings.Count(before, "\n") < 2 {
			t.Fatalf("%s has no job or session: %q", s.name, before)
		}
		for _, action := range []string{"stop", "start"} {
			if result := h.Sh(t, s.script()+" "+action+" 2>&1"); result.Code != 0 || strings.Contains(result.Stdout, "pidproof: ") {
				t.Errorf("%s %s: %+v", s.name, action, result)
			}
			if action == "stop" {
				h.Must(t, "rm -f "+s.pidfile)
			}
		}
		eventually(t, s.name+" runs again", func() bool { return s.pid(t, h) != 0 })
		s.call(t, h, "status", 0)
	}
	h.Must(t, "rm -f /etc/default/pidproof /etc/cron.d/job")
}
