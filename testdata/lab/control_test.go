package lab

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// What dpkg's start-stop-daemon gets wrong, beside pidproof's: these tests would prove nothing where both are right.

// background starts a program in a session of its own and returns its PID, once that is what it runs.
func background(t *testing.T, h *Host, command string) int {
	t.Helper()
	return number(h.Must(t, fmt.Sprintf(`setsid %[1]s </dev/null >/dev/null 2>&1 &
until [ "$(tr '\0' ' ' </proc/$!/cmdline)" = '%[1]s ' ]; do sleep 0.01; done
echo $!`, command)))
}

// The number in a stale pidfile has passed to somebody else. Debian's init script of monit stops whoever has it.
func testBystander(t *testing.T, h *Host) {
	for program, survives := range map[string]bool{"start-stop-daemon.real": false, "start-stop-daemon": true} {
		pid := background(t, h, "sleep 600")
		h.Must(t, fmt.Sprintf("echo %d >/run/monit.pid && touch -d '1 hour ago' /run/monit.pid", pid))
		result := h.Run(t, program, "--stop", "--retry", "5", "--oknodo", "--pidfile", "/run/monit.pid")
		if alive := lives(t, h, pid); alive != survives {
			t.Errorf("%s --stop: a bystander survives: %t, want %t: %+v", program, alive, survives, result)
		}
		if survives && !strings.Contains(result.Stdout+result.Stderr, fmt.Sprint(pid)) {
			t.Errorf("%s --stop does not say that it left %d alone: %+v", program, pid, result)
		}
	}
}

// lives says no of a zombie, too: on a busy machine init takes its time.
func lives(t *testing.T, h *Host, pid int) bool {
	t.Helper()
	status, err := os.ReadFile(h.path(fmt.Sprintf("root/proc/%d/status", pid)))
	if err != nil && !notOurs(err) {
		t.Fatal(err)
	}
	_, state, _ := strings.Cut(string(status), "\nState:\t")
	return state != "" && state[0] != 'Z' && state[0] != 'X'
}

// The kernel keeps 15 characters of a name, and Debian's killproc goes by name.
func testLongName(t *testing.T, h *Host) {
	h.Must(t, "cp /bin/sleep /usr/sbin/a-daemon-with-a-long-name")
	for program, stops := range map[string]bool{"start-stop-daemon.real": false, "start-stop-daemon": true} {
		pid := background(t, h, "/usr/sbin/a-daemon-with-a-long-name 600")
		h.Must(t, fmt.Sprintf("echo %d >/run/long.pid", pid))
		result := h.Run(t, program, "--stop", "--retry", "5", "--pidfile", "/run/long.pid", "--name", "a-daemon-with-a-long-name")
		if ended := !lives(t, h, pid); ended != stops || result.Code == 0 != stops {
			t.Errorf("%s --stop: the daemon has ended: %t, want %t: %+v", program, ended, stops, result)
		}
	}
}
