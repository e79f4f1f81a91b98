package attack

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/rounds"
)

// A path of a kilobyte has five hundred directories in it, and one of 4 KiB leads two thousand steps back and forth. Each
// step was taken, of each process: three thousand of them took longer than the deadline.

const scriptd = "/srv/sbin/scriptd"

func TestLongWays(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		must(t, os.WriteFile(scriptd, []byte("#!/bin/sh\n"), 0o755))
		total := rounds.Of(2_000, 5_000)
		dir := deepenWith(t, users, "a", 480)
		copyFile(t, daemon, users+"/other")
		for n := range total {
			must(t, unix.Linkat(unix.AT_FDCWD, users+"/other", dir, strconv.Itoa(n), 0))
		}
		startMany(t, fmt.Sprintf("/proc/self/fd/%d", dir), total, `"./$i"`)
		tried := h.asksBesideWays(t, "beside programs in deep directories")
		must(t, unix.Mkfifo(users+"/never", 0o644))
		must(t, os.WriteFile(users+"/script", []byte("read x <"+users+"/never\n"), 0o644))
		startMany(t, users, total/3, "/bin/sh "+strings.Repeat("a/../", 800)+"script")
		for range rounds.Of(1, 10) {
			tried += h.asksBesideWays(t, "beside scripts by long ways")
		}
		rounds.Held(t, tried)
	})
}

// startMany has the ordinary user start so many programs in a directory, by a command in which $i counts them.
func startMany(t *testing.T, dir string, total int, command string) {
	t.Helper()
	shell := asUser("/bin/sh", "-c", `i=0; while [ "$i" -lt "$1" ]; do `+command+` & i=$((i + 1)); done; echo ready; wait`, "sh", strconv.Itoa(total))
	shell.Dir = dir
	p := start(t, shell)
	until(t, "all of them run", func() bool {
		all := children(t, p.pid())
		last, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", all[len(all)-1]))
		return err == nil && len(all) == total && !strings.Contains(string(last), "echo ready")
	})
}

func (h quietHost) asksBesideWays(t *testing.T, when string) (asked int) {
	t.Helper()
	h.asks(t, when, question{[]string{"check", "-p", noPidfile, scriptd}, "3", ""})
	h.asks(t, when, question{[]string{"pidof", "-x", scriptd}, "1", ""})
	return 2 + h.isQuiet(t, when)
}
