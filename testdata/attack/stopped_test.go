package attack

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/rounds"
)

// A stopped daemon acts on a signal only once it goes on.
func TestStoppedDaemon(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		const pidfile = "/run/stopped.pid"
		tried := rounds.Of(5, 500)
		for n := range tried {
			d := startDaemon(t, daemon, pidfile, "-w", "1")
			must(t, unix.Kill(d.pid(), unix.SIGSTOP))
			until(t, "it is stopped", func() bool { return state(d.pid()) == 'T' })
			ask(t, "check", "-p", pidfile, daemon).fits(t, "stopped", "0")
			ask(t, "status", "-p", pidfile, daemon).fits(t, "stopped", "0")
			command := []string{"killproc", "--workers", "-p", pidfile, daemon}
			if n%2 == 1 {
				command = []string{"start-stop-daemon", "--stop", "--retry", "TERM/1/KILL/30", "--pidfile", pidfile, "--exec", daemon}
			}
			ask(t, command...).fits(t, "stopped", "0")
			if runs(d.pid()) {
				t.Fatal("it still runs")
			}
			d.end()
			_ = os.Remove(pidfile)
		}
		h.asksAll(t, "after stopped daemons")
		rounds.Held(t, tried)
	})
}

func state(pid int) byte {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if _, rest, found := strings.Cut(string(stat), ") "); found {
		return rest[0]
	}
	return 0
}
