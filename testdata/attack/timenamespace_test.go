package attack

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// In a time namespace, the clock since boot is another: whatever is started there seems to start long ago, or later.
func TestTimeNamespace(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		unshare := need.Program(t, "unshare")
		copyFile(t, daemon, users+"/idle")
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
			d.SysProcAttr = as(nobody)
			must(t, d.Start())
			until(t, "it is another clock's", func() bool { return clock(d.Process.Pid) != "" && clock(d.Process.Pid) != clock(os.Getpid()) })
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

func clock(pid int) string {
	link, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/time", pid))
	return link
}

// There, the time since boot is another, also for what is executed.
func TestTimeNamespaceControl(t *testing.T) {
	onHost(t, func(t *testing.T) {
		said, err := exec.Command(need.Program(t, "unshare"), "--time", "--boottime", "10000000", "--", "/bin/cat", "/proc/uptime").Output()
		if len(said) < len("10000000.00 ") || err != nil {
			t.Errorf("%q, %v", said, err)
		}
	})
}
