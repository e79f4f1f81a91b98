package shells

import (
	"testing"

	"pidproof/testdata/need"
)

// logged says what Debian's functions print and return; ours are to do the same.
var logged = []struct {
	call, out string
	code      int
}{
	{`log_success_msg "Started"`, "Started.\n", 0},
	{`log_success_msg "Started" "a  b" c`, "Started a  b c.\n", 0},
	{`log_success_msg`, ".\n", 0},
	{`log_success_msg ""`, ".\n", 0},
	{`log_failure_msg "Not started"`, "Not started ... failed!\n", 0},
	{`log_failure_msg "Not started" "a  b" c`, "Not started a  b c ... failed!\n", 0},
	{`log_failure_msg`, " failed!\n", 0},
	{`log_warning_msg "Half started"`, "Half started ... (warning).\n", 0},
	{`log_warning_msg "Half started" "a  b" c`, "Half started a  b c ... (warning).\n", 0},
	{`log_warning_msg`, " (warning).\n", 0},

	{`log_begin_msg "Starting" "a  b" c`, "Starting a  b c", 0},
	{`log_begin_msg "Starting" "" c`, "Starting  c", 0},
	{`log_begin_msg`, "", 1},
	{`log_begin_msg "" "more"`, "", 1},
	{`log_daemon_msg "Starting web server" "web d"`, "Starting web server: web d", 0},
	{`log_daemon_msg "Starting web servers"`, "Starting web servers:", 0},
	{`log_daemon_msg "Starting web server" "web d" "more"`, "Starting web server: web d", 0},
	{`log_daemon_msg`, "", 1},
	{`log_progress_msg "one"`, " one", 0},
	{`log_progress_msg "one" "of  two"`, " one of  two", 0},
	{`log_progress_msg`, "", 1},
	{`log_daemon_msg "Starting"; log_progress_msg "one"; log_progress_msg "two"; log_end_msg 0`, "Starting: one two.\n", 0},
	{`log_end_msg 0`, ".\n", 0},
	{`log_end_msg 1`, " failed!\n", 1},
	{`log_end_msg 3`, " failed!\n", 3},
	{`log_end_msg 150`, " failed!\n", 150},
	{`log_end_msg 255`, " (warning).\n", 255},
	{`log_end_msg 4 "more"`, " failed!\n", 4},
	{`log_end_msg`, "", 1},
	{`log_end_msg ""`, "", 1},
	{`log_end_msg 1; echo not reached`, " failed!\n", 1},

	{`log_action_msg "Mounting" "a  b"`, "Mounting a  b.\n", 0},
	{`log_action_msg`, ".\n", 0},
	{`log_action_begin_msg "Mounting" "a  b"`, "Mounting a  b...", 0},
	{`log_action_begin_msg`, "...", 0},
	{`log_action_cont_msg "more" "a  b"`, "more a  b...", 0},
	{`log_action_cont_msg`, "...", 0},
	{`log_action_end_msg 0`, "done.\n", 0},
	{`log_action_end_msg 0 "all  of it"`, "done (all  of it).\n", 0},
	{`log_action_end_msg 1`, "failed.\n", 0},
	{`log_action_end_msg 255 "no such disk"`, "failed (no such disk).\n", 0},
	{`log_action_begin_msg "Mounting"; log_action_cont_msg "more"; log_action_end_msg 0`, "Mounting...more...done.\n", 0},

	{`IFS=:; log_failure_msg "of" "two"; log_action_msg "of" "two"; log_progress_msg "of" "two"`,
		"of two ... failed!\nof two.\n of two", 0},
	{`IFS=; log_warning_msg "of" "two"; log_action_begin_msg "of" "two"`, "of two ... (warning).\nof two...", 0},
	{`cd /etc; log_action_msg "100%" "%s *" "$(printf 'two\nlines')"`, "100% %s * two\nlines.\n", 0},
	{`log_action_msg "to nobody" >&-; log_daemon_msg "to nobody" >/dev/full; log_end_msg 0 >/dev/full; log_end_msg 2 >&-`, "", 2},
}

func TestLog(t *testing.T) {
	var h host
	inShells(t, func(t *testing.T, sh string) {
		for _, c := range logged {
			h.expectLogged(t, sh, "../../lsb/init-functions", c.call, c.out, c.code)
		}
		// Debian's functions leave these to the shell's echo.
		h.expectLogged(t, sh, "../../lsb/init-functions", `log_action_msg 'C:\new' '\0'`, `C:\new \0.`+"\n", 0)
		h.expectLogged(t, sh, "../../lsb/init-functions", `log_success_msg -n`, "-n.\n", 0)
	})
}

// The table above is true of Debian's functions.
func TestLogOfDebian(t *testing.T) {
	var h host
	inShells(t, func(t *testing.T, sh string) {
		need.File(t, debian)
		for _, c := range logged {
			h.expectLogged(t, sh, debian, c.call, c.out, c.code)
		}
	})
}

// expectLogged compares every byte.
func (h *host) expectLogged(t *testing.T, shell, functions, call, out string, code int) {
	t.Helper()
	stdout, stderr, got := h.run(t, shell, []string{functions}, call)
	if stdout != out || got != code {
		t.Errorf("%s: %s\nprinted %q, exit %d; want %q, exit %d\nstderr: %s", functions, call, stdout, got, out, code, stderr)
	}
}
