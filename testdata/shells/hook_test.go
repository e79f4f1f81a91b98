package shells

import "testing"

// asking runs with set -eu, about what newHost started and in its variables.
var asking = []struct {
	name, script string
	out          string
	code         int
}{
	{"running", `pidofproc -p "$old_pidfile" "$daemon"`, "$old", 0},
	{"dead", `pidofproc -p "$stale" "$idle"`, "", 1},
	{"not running", `pidofproc -p "$absent" "$idle"`, "", 3},
	{"unknown", `pidofproc -p "$folder" "$idle"`, "", 4},
	{"no pidfile given", `pidofproc "$daemon" | tr ' ' '\n' | sort -n`, "$both", 0},
	{"set -e", `pidofproc -p "$absent" "$idle"; echo not reached`, "", 3},
	{"if", `if pidofproc -p "$old_pidfile" "$daemon" >/dev/null; then echo yes; fi`, "yes", 0},
	{"if not", `if pidofproc -p "$absent" "$idle"; then echo yes; else echo "no $?"; fi`, "no 3", 0},
	{"substitution", `pid=$(pidofproc -p "$old_pidfile" "$daemon"); echo "<$pid>"`, "<$old>", 0},
	{"substitution fails", `pid=$(pidofproc -p "$stale" "$idle") || echo "$? <$pid>"`, "1 <>", 0},

	{"status running", `status_of_proc -p "$old_pidfile" "$daemon" "the web"`, "the web is running (PID $old)", 0},
	{"status dead", `status_of_proc -p "$stale" "$idle" >/dev/null`, "", 1},
	{"status not running", `status_of_proc -p "$absent" "$idle" >/dev/null`, "", 3},
	{"status unknown", `status_of_proc -p "$folder" "$idle" >/dev/null`, "", 4},
	{"status || exit", `status_of_proc -p "$absent" "$idle" >/dev/null && exit 0 || exit $?`, "", 3},

	// Debian #868861: this line of apache2's script lost the old process.
	{"pidof | grep -w", `pidof "$daemon" | tr ' ' '\n' | grep -w "$(cat "$old_pidfile")"`, "$old", 0},
	{"pidof omits", `pidof -o "$old" "$daemon"`, "$new", 0},
	{"pidof finds none", `if pidof "$idle"; then echo yes; else echo "no $?"; fi`, "no 1", 0},
	{"pidof -x", `pidof -x "$script"`, "$scripted", 0},
	{"pidof finds its caller", `pidof -x "$0" >/dev/null`, "", 0},
	{"pidof %PPID", `pidof -o %PPID -x "$0"`, "", 1},
	// A function makes dash, busybox and mksh fork once more, so that the parent
	// of pidproof is a copy of the calling script.
	{"pidof %PPID in a substitution", `found=$(pidof -o %PPID -x "$0") || echo "$? <$found>"`, "1 <>", 0},
}

func TestAsking(t *testing.T) {
	h := newHost(t)
	h.startInstances(t)
	h.inEveryWay(t, func(t *testing.T, sh string, files []string) {
		for _, c := range asking {
			t.Run(c.name, func(t *testing.T) {
				h.expect(t, sh, files, c.script, c.out, c.code)
			})
		}
	})
}
