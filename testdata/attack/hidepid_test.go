package attack

import (
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

// What an ordinary user asks there says that nothing runs.
func TestHidepidControl(t *testing.T) {
	onHost(t, func(t *testing.T) {
		newQuietHost(t)
		must(t, unix.Mount("proc", "/proc", "proc", unix.MS_REMOUNT, "hidepid=2"))
		a := run(t, need.Program(t, "setpriv"), "--reuid", strconv.Itoa(nobody), "--regid", strconv.Itoa(nobody), "--clear-groups",
			need.Program(t, "pidof"), "webd")
		if a.exit != "1" || a.out != "" {
			t.Errorf("want that nobody is seen: %s", a)
		}
	})
}
