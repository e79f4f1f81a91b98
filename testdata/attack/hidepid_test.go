package attack

import (
	"os/exec"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// A /proc that hides processes from their neighbours. Root sees all; an ordinary user is told that he does not, and never
// that nothing runs.
func TestHidepid(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		setpriv := need.Program(t, "setpriv")
		tried := 0
		for range rounds.Of(1, 50) {
			for _, option := range []string{"hidepid=1", "hidepid=2", "hidepid=4"} {
				must(t, unix.Mount("proc", "/proc", "proc", unix.MS_REMOUNT, option))
				if option != "hidepid=4" { // hides from everybody whom he may not trace: root may
					tried += h.asksAll(t, "root, "+option)
				}
				tried += asksHidden(t, option, setpriv)
				must(t, unix.Mount("proc", "/proc", "proc", unix.MS_REMOUNT, "hidepid=0"))
			}
		}
		rounds.Held(t, tried)
	})
}

// asksHidden: 0 would be a guess, 1 and 3 would be wrong.
func asksHidden(t *testing.T, option, setpriv string) (asked int) {
	t.Helper()
	user := []string{setpriv, "--reuid", strconv.Itoa(nobody), "--regid", strconv.Itoa(nobody), "--clear-groups", pidproof}
	questions := [][]string{
		{"check", "-p", pidfile, daemon},
		{"check", "-p", stale, idle},
		{"check", "-p", noPidfile, idle},
		{"killproc", "-p", pidfile, daemon},
		{"killproc", "-p", pidfile, daemon, "HUP"},
	}
	for _, q := range questions {
		run(t, append(user[:len(user):len(user)], q...)...).fits(t, "a user, "+option, "4")
	}
	return len(questions)
}

// In a time namespace, the clock since boot is another: whatever is started there seems to start long ago, or later.
func TestTimeNamespace(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		unshare := need.Program(t, "unshare")
		tried := 0
		for range rounds.Of(1, 50) {
			for _, offset := range []string{"100000", "-100"} {
				if offset == "-100" && uptime(t) < 200 {
					continue
				}
				under := []string{unshare, "--time", "--boottime", offset, "--monotonic", "0", "--", pidproof}
				tried += h.asksUnder(t, "in a time namespace, "+offset+" s", under...)
			}
			// A user's daemon in there.
			d := exec.Command(unshare, "-U", "--time", "--boottime", "100000", "--", users+"/idle")
			copyFile(t, daemon, users+"/idle")
			d.SysProcAttr = as(nobody)
			must(t, d.Start())
			tried += h.asksAll(t, "beside a time namespace")
			process{Cmd: d}.end()
		}
		rounds.Held(t, tried)
	})
}

func uptime(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	must(t, unix.ClockGettime(unix.CLOCK_BOOTTIME, &now))
	return now.Sec
}
