package shells

import (
	"os"

	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// limits are those of address space and descriptors under which, says the manual, Go's
// runtime ends pidproof with 2. To LSB, that is one of "dead". (That of processes does not
// hold for root.)
func limits(t *testing.T) []string {
	t.Helper()
	manual, err := os.ReadFile("../../docs/pidproof.8")
	must(t, err)
	found := regexp.MustCompile(`ulimit -[vn] \d+`).FindAllString(string(manual), -1)
	if len(found) != 2 {
		t.Fatalf("the manual names the limits %q, want one of address space and one of descriptors", found)
	}
	return found
}

// Whatever ends pidproof instead of an answer, the functions return 4, and print nothing.
func TestRuntimeDies(t *testing.T) {
	h := newHost(t)
	h.startInstances(t)
	limits := limits(t)
	h.inEveryWay(t, func(t *testing.T, sh string, files []string) {
		for _, limit := range limits {
			for _, call := range []string{
				`pidofproc -p "$old_pidfile" "$daemon"`,
				`status_of_proc -p "$old_pidfile" "$daemon"`,
				`killproc -p "$old_pidfile" "$daemon"`,
				`killproc -p "$old_pidfile" "$daemon" HUP`,
				`pidof "$daemon"`,
			} {
				h.expect(t, sh, files, limit+"\n"+call+"\necho not reached", "", 4)
				h.expect(t, sh, files, "code=0; ("+limit+"\n"+call+") || code=$?; echo $code", "4", 0)
			}
			// Its exit status is the daemon's, which may be 2; that it is not started is clear.
			h.expect(t, sh, files, limit+"\n"+`start_daemon -p "$absent" "$daemon" || echo "not 0"`, "not 0", 0)
		}
	})
}

func TestKilled(t *testing.T) {
	h := newHost(t)
	writeProgram(t, h.pidproof, []byte("#!/bin/sh\nkill -9 $$\n"))
	h.inEveryWay(t, func(t *testing.T, sh string, files []string) {
		h.expect(t, sh, files, `code=0; (status_of_proc -p "$absent" "$daemon") || code=$?; echo $code`, "4", 0)
	})
	writeProgram(t, h.pidproof, []byte("#!/nowhere\n"))
	h.inEveryWay(t, func(t *testing.T, sh string, files []string) {
		h.expect(t, sh, files, `code=0; (pidofproc -p "$absent" "$daemon") || code=$?; echo $code`, "4", 0)
	})
}

// The wrappers: 2 means "did not end" to start-stop-daemon's callers, and "no such
// action" to invoke-rc.d's.
func TestWrappersWhereRuntimeDies(t *testing.T) {
	h := newHost(t)
	h.startInstances(t)
	h.env["ssd"] = filepath.Dir(h.functions) + "/start-stop-daemon"
	h.env["invoke"] = filepath.Dir(h.functions) + "/invoke-rc.d"
	h.env["units"] = filepath.Dir(h.functions) + "/deb-systemd-invoke"
	for _, name := range []string{"ssd", "invoke", "units"} {
		writeProgram(t, h.env[name]+".real", []byte("#!/bin/sh\necho real \"$@\"\n"))
	}
	noSpace := limits(t)[0] // with few descriptors the shell could not read the wrapper itself
	cannot := func(what string) string { return what + ": " + h.pidproof + " cannot run here (see ulimit -a); " }
	inShells(t, func(t *testing.T, sh string) {
		say := func(script, out, stderr string, code int) {
			t.Helper()
			stdout, said, got := h.run(t, sh, nil, script)
			if stdout != out || !strings.HasPrefix(said, stderr) || stderr == "" && said != "" || got != code {
				t.Errorf("%s\nprinted %q and %q, exit %d; want %q and %q, exit %d", script, stdout, said, got, out, stderr, code)
			}
		}
		for words, code := range map[string]int{
			`--stop --retry 5 --pidfile "$old_pidfile" --exec "$daemon"`:       3,
			`--start --pidfile "$old_pidfile" --exec "$daemon" -- -T --status`: 3,
			`--status --pidfile "$old_pidfile" --exec "$daemon"`:               4,
			`-T -p "$old_pidfile" -x "$daemon"`:                                4,
			`--pidof --pidfile "$old_pidfile"`:                                 4,
		} {
			say(noSpace+"\n"+`"${0%/*}/sh" "$ssd" `+words, "", cannot("start-stop-daemon"), code)
		}
		say(noSpace+"\n"+`"${0%/*}/sh" "$invoke" webd stop --allow-on-demand`, "real webd stop\n", cannot("invoke-rc.d"), 0)
		say(noSpace+"\n"+`"${0%/*}/sh" "$units" --user stop webd.service`, "real --user stop webd.service\n", cannot("deb-systemd-invoke"), 0)
		say(`"${0%/*}/sh" "$ssd" --status --pidfile "$old_pidfile" --exec "$daemon"`, "", "", 0)
		say(`"${0%/*}/sh" "$ssd" --status --pidfile "$absent" --exec "$idle"`, "", "", 3)
	})
}
