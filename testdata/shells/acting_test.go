package shells

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"pidproof/testdata/waiting"
)

// prelude is what the scripts below have besides newDir's variables. The daemon
// removes its own pidfile on TERM.
const prelude = `
start() { "$daemon" -daemonize -pidfile "$1"; }
gone() { [ ! -e "$1" ] || echo "$1 is left"; }
ended() { [ ! -e "/proc/$1/exe" ] || echo "$1 runs"; } # a zombie has none
program() { # NAME LINE: a program to start
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}
`

// actingCase runs with set -eu and a daemon that nothing else uses. running is
// how many processes of that daemon are to be left.
type actingCase struct {
	name, script string
	out          string
	code         int
	running      int
}

var acting = []actingCase{
	// What is removed here is a copy of the daemon's pidfile: killproc does it.
	{"killproc", `start "$pidfile"; cp "$pidfile" "$copied_pidfile"
killproc -p "$copied_pidfile" "$daemon"; gone "$pidfile"; gone "$copied_pidfile"`, "", 0, 0},
	{"killproc waits", `"$daemon" -daemonize -linger 100ms -pidfile "$pidfile"; pid=$(cat "$pidfile")
killproc -p "$pidfile" "$daemon"; ended "$pid"; gone "$pidfile"`, "", 0, 0},
	{"killproc of one instance", `start "$pidfile"; start "$other_pidfile"
killproc -p "$pidfile" "$daemon"; gone "$pidfile"; gone "$other_pidfile"`, "$other_pidfile is left", 0, 1},
	{"killproc, file replaced", `start "$pidfile"; cp "$daemon" "$daemon.new"; mv "$daemon.new" "$daemon"
killproc -p "$pidfile" "$daemon"; gone "$pidfile"`, "", 0, 0},
	// Debian #353015, #519128: its killproc compares the name with the 15 characters of comm.
	{"killproc, long name", `cp "$daemon" "$long"; "$long" -daemonize -pidfile "$pidfile"
killproc -p "$pidfile" "$long"; gone "$pidfile"`, "", 0, 0},
	{"killproc, not running", `killproc -p "$absent" "$daemon"`, "", 0, 0},
	// The other process is this shell.
	{"killproc, another process", `echo $$ >"$pidfile"; killproc -p "$pidfile" "$daemon"; echo survived`, "survived", 0, 0},
	{"killproc, unknown", `start "$pidfile"; killproc -p "$folder" "$daemon"`, "", 4, 1},

	{"killproc TERM", `start "$pidfile"; killproc -p "$pidfile" "$daemon" TERM`, "", 0, 0},
	{"killproc TERM, not running", `killproc -p "$absent" "$daemon" -TERM`, "", 0, 0},
	{"killproc TERM, stale", `killproc -p "$stale" "$daemon" -15; gone "$stale"`, "", 0, 0},
	{"killproc TERM, another process", `echo $$ >"$pidfile"; killproc -p "$pidfile" "$daemon" TERM; echo survived`,
		"survived", 0, 0},

	// The daemon is this script.
	{"killproc HUP", `trap 'echo got HUP' HUP; echo $$ >"$pidfile"
for signal in HUP -HUP SIGHUP -SIGHUP 1 -1; do killproc -p "$pidfile" "$0" "$signal"; done`,
		strings.TrimSuffix(strings.Repeat("got HUP\n", 6), "\n"), 0, 0},
	{"killproc HUP ends it", `start "$pidfile"; killproc -p "$pidfile" "$daemon" -HUP`, "", 0, 0},
	{"killproc HUP, not running", `killproc -p "$absent" "$daemon" -HUP; echo not reached`, "", 3, 0},
	{"killproc HUP, another process", `echo $$ >"$pidfile"; killproc -p "$pidfile" "$daemon" HUP || echo "survived, $?"`,
		"survived, 3", 0, 0},
	{"killproc KILL", `start "$pidfile"; killproc -p "$pidfile" "$daemon" -9`, "", 0, 0},

	{"start_daemon", `start_daemon -p "$pidfile" "$daemon" -daemonize -pidfile "$pidfile"; [ -s "$pidfile" ]`, "", 0, 1},
	{"start_daemon, running", `start "$pidfile"
start_daemon -p "$pidfile" "$daemon" -pidfile "$other_pidfile"; gone "$other_pidfile"`,
		"", 0, 1},
	{"start_daemon, running, file replaced", `start "$pidfile"; cp "$daemon" "$daemon.new"; mv "$daemon.new" "$daemon"
start_daemon -p "$pidfile" "$daemon" -pidfile "$other_pidfile"; gone "$other_pidfile"`, "", 0, 1},
	{"start_daemon, another instance runs", `start "$other_pidfile"
start_daemon -p "$pidfile" "$daemon" -daemonize -pidfile "$pidfile"`, "", 0, 2},
	{"start_daemon -f", `start "$pidfile"
start_daemon -f -p "$pidfile" "$daemon" -daemonize -pidfile "$other_pidfile"`, "", 0, 2},
	{"start_daemon, stale", `start_daemon -p "$stale" "$daemon" -daemonize -pidfile "$stale"`, "", 0, 1},
	{"start_daemon, unknown", `start_daemon -p "$folder" "$daemon" -daemonize -pidfile "$pidfile"`, "", 4, 0},
	{"start_daemon without -p", `start_daemon "$daemon" -daemonize -pidfile "$pidfile"`, "", 0, 1},
	{"start_daemon, arguments", `program "$script" 'printf "<%s>" "$@"'
start_daemon -p "$absent" "$script" 'a  b' -p -n 5 '' -- '*' --help`, "<a  b><-p><-n><5><><--><*><--help>", 0, 0},
	{"start_daemon --", `program "$script" 'echo "$@"'; start_daemon -- "$script" started`, "started", 0, 0},
	{"start_daemon -n", `program "$script" nice; echo "$(($(start_daemon -n 5 "$script") - $(nice)))"`, "5", 0, 0},
	{"start_daemon fails", `program "$script" 'exit 7'; start_daemon "$script" || echo "$?"`, "7", 0, 0},
	{"start_daemon fails, set -e", `program "$script" 'exit 7'; start_daemon "$script"; echo not reached`, "", 7, 0},
	{"start_daemon of nothing", `start_daemon "$idle"`, "", 1, 0},

	{"restart", `start "$pidfile"; first=$(cat "$pidfile"); cp "$daemon" "$daemon.new"; mv "$daemon.new" "$daemon"
killproc -p "$pidfile" "$daemon"
start_daemon -p "$pidfile" "$daemon" -daemonize -pidfile "$pidfile"
[ "$(pidofproc -p "$pidfile" "$daemon")" != "$first" ]`, "", 0, 1},
}

// reporting is the same, as init scripts have it, with what the hook alone does not define.
var reporting = []actingCase{
	{"stop", `start "$pidfile"; log_daemon_msg "Stopping web server" "web d"
killproc -p "$pidfile" "$daemon" && log_end_msg 0 || log_end_msg $?`, "Stopping web server: web d.", 0, 0},
	{"reload fails", `log_daemon_msg "Reloading web server" "web d"
killproc -p "$absent" "$daemon" HUP && log_end_msg 0 || log_end_msg $?`, "Reloading web server: web d failed!", 3, 0},
	{"start", `log_daemon_msg "Starting web server" "web d"
start_daemon -p "$pidfile" "$daemon" -daemonize -pidfile "$pidfile" && log_end_msg 0 || log_end_msg $?`,
		"Starting web server: web d.", 0, 1},
	{"start fails", `log_daemon_msg "Starting web server" "web d"
start_daemon -p "$folder" "$daemon" && log_end_msg 0 || log_end_msg $?`, "Starting web server: web d failed!", 4, 0},
}

func TestActing(t *testing.T) {
	h := newHost(t)
	h.buildDaemon(t)
	program, err := os.ReadFile(h.env["daemon"])
	must(t, err)
	h.inEveryWay(t, func(t *testing.T, sh string, files []string) {
		cases := acting
		if files[0] != h.hook {
			cases = slices.Concat(acting, reporting)
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				h := h.newDir(t)
				writeProgram(t, h.env["daemon"], program)
				t.Cleanup(func() { h.endDaemons(t) })
				h.expect(t, sh, files, prelude+c.script, c.out, c.code)
				if !t.Failed() {
					h.awaitDaemons(t, c.running)
				}
			})
		}
	})
}

// awaitDaemons waits until that many processes run a program in the host's directory.
func (h *host) awaitDaemons(t *testing.T, want int) {
	t.Helper()
	var got []int
	if !waiting.Until(func() bool { got = h.daemons(t); return len(got) == want }) {
		t.Errorf("PIDs %v run, want %d of them", got, want)
	}
}

func (h *host) endDaemons(t *testing.T) {
	t.Helper()
	for _, pid := range h.daemons(t) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	h.awaitDaemons(t, 0)
	reap(t)
}

// daemons leaves out zombies: they have no exe.
func (h *host) daemons(t *testing.T) []int {
	t.Helper()
	return slices.DeleteFunc(processes(t), func(pid int) bool {
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		return !strings.HasPrefix(exe, h.dir+"/")
	})
}

// reap waits for the daemons that have ended: hundreds of zombies would slow
// down pidproof. They lead process groups, which no command of a test does.
func reap(t *testing.T) {
	t.Helper()
	for _, pid := range processes(t) {
		if group, err := syscall.Getpgid(pid); err == nil && group == pid {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // of others' children it tells nothing
		}
	}
}

func processes(t *testing.T) (pids []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	must(t, err)
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
