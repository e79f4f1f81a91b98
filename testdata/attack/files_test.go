package attack

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"pidproof/testdata/rounds"
)

// An ordinary user fills /run/lock, where everybody may write, with files that look like pidfiles.
func TestManyFiles(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		// The clock was set: only other pidfiles tell whose a number is.
		long := time.Now().Add(-time.Hour)
		must(t, os.Chtimes(pidfile, long, long))
		tried := h.asksAll(t, "late, on a quiet host")
		const dir = "/run/lock/mine"
		made := 0
		for _, n := range []int{1_030, rounds.Of(10_000, 100_000)} {
			script := `umask 022; mkdir -p "$1" && cd "$1" && i=$2
while [ $((i += 1)) -le "$3" ]; do : >"$i.pid"; : >"empty$i"; echo "$4" >"webd$i.pid"; done`
			fill := exec.Command("/bin/sh", "-c", script, "sh", dir, fmt.Sprint(made), fmt.Sprint(n/3), fmt.Sprint(h.main.pid()))
			fill.SysProcAttr = as(nobody)
			if said, err := fill.CombinedOutput(); err != nil {
				t.Fatal(err, string(said))
			}
			made = n / 3
			for range rounds.Of(1, 10) {
				tried += h.asksAll(t, fmt.Sprintf("beside %d files of a user's", n))
			}
		}
		rounds.Held(t, tried)
	})
}
