package attack

import (
	"os"
	"testing"

	"pidproof/testdata/rounds"
)

// Containers whose seccomp filter forbids what pidproof likes to use, and kernels that lack it.
func TestSeccomp(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		tried := 0
		for range rounds.Of(1, 50) {
			for _, errno := range []string{"ENOSYS", "EPERM"} {
				for _, calls := range []string{"pidfd_open,pidfd_send_signal", "pidfd_send_signal", "statx", "openat2",
					"pidfd_open,pidfd_send_signal,statx,openat2,inotify_init1"} {
					tried += h.asksUnder(t, "without "+calls+": "+errno, "/srv/bin/nopidfd", "-errno", errno, "-calls", calls, "--", pidproof)
				}
			}
			if t.Failed() {
				return
			}
		}
		rounds.Held(t, tried)
	})
}

// asksUnder puts the questions to another pidproof, or to this one elsewhere.
func (h quietHost) asksUnder(t *testing.T, when string, command ...string) (asked int) {
	t.Helper()
	ask := func(exit string, args ...string) answer {
		a := run(t, append(command[:len(command):len(command)], args...)...)
		a.fits(t, when, exit)
		return a
	}
	for _, q := range h.questions() {
		a := ask(q.exit, q.args...)
		if q.out != "" && a.out != q.out {
			t.Errorf("%s: want %q: %s", when, q.out, a)
		}
	}
	const pidfile = "/run/second.pid"
	for _, stop := range [][]string{
		{"killproc", "--workers", "-p", pidfile, daemon},
		{"start-stop-daemon", "--stop", "--retry", "30", "--remove-pidfile", "--pidfile", pidfile, "--exec", daemon},
	} {
		second := startDaemon(t, daemon, pidfile)
		ask("0", stop...)
		if runs(second.pid()) {
			t.Errorf("%s: %v leaves it running", when, stop)
		}
		second.end()
		if _, err := os.Stat(pidfile); err == nil {
			t.Errorf("%s: %v leaves the pidfile", when, stop)
		}
	}
	return len(h.questions()) + 2
}
