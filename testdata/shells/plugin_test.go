package shells

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// What Nagios is told is what `pidproof list --problems` finds of real daemons, by its own exit codes.
func TestNagiosPlugin(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.env["daemon"] = t.TempDir() + "/webd" // after a blank a title may begin, as a session's
	h.startInstances(t)
	instances := t.TempDir()
	must(t, os.Chmod(instances, 0o755))
	h.env["PIDPROOF_INSTANCES"] = instances
	register := func(name, pidfile string) {
		t.Helper()
		must(t, os.WriteFile(instances+"/"+name, []byte("DAEMON='"+h.env["daemon"]+"'\nPIDFILE='"+h.env[pidfile]+"'\n"), 0o644))
	}
	plugin := filepath.Dir(h.functions) + "/check_pidproof"
	says := func(args, line string, code int) {
		t.Helper()
		for _, shell := range shells {
			stdout, stderr, got := h.run(t, need.Program(t, shell), nil, "set -- "+args+"\n. '"+plugin+"'")
			first, rest, _ := strings.Cut(stdout, "\n")
			if got != code || first != line || stderr != "" || strings.Contains(stdout, "|") || (rest == "") != (code == 0) {
				t.Errorf("%s: check_pidproof %s: exit %d, %q, %q; want exit %d, %q", shell, args, got, stdout, stderr, code, line)
			}
		}
	}
	register("new", "new_pidfile")
	register("old", "old_pidfile")
	says("new", "PIDPROOF OK: No problem was found.", 0)
	says("old new", "PIDPROOF WARNING: old runs a replaced file", 1)
	register("ended", "stale")
	register("never", "absent")
	says("old new ended never", "PIDPROOF CRITICAL: ended is stale, never is absent, old runs a replaced file", 2)
	says("'no|body'", "PIDPROOF CRITICAL: no/body is no daemon that runs, nor the name of an instance", 2)
	must(t, os.Remove(instances+"/old"))
	must(t, os.Remove(instances+"/ended"))
	must(t, os.Remove(instances+"/never"))
	says(`"$daemon"`, "PIDPROOF CRITICAL: 1 outside every pidfile", 2)
	must(t, os.WriteFile(instances+"/wrong", []byte("nonsense\n"), 0o644))
	stdout, _, code := h.run(t, "/bin/sh", nil, "exec '"+plugin+"' \"$daemon\"")
	if first, _, _ := strings.Cut(stdout, "\n"); code != 2 || !strings.HasPrefix(first, "PIDPROOF CRITICAL: 1 outside every pidfile, "+instances+"/wrong:1: ") {
		t.Errorf("a registration is refused: exit %d, %q", code, stdout)
	}
	must(t, os.Remove(instances+"/wrong"))
	says("--no-option", "PIDPROOF CRITICAL: --no-option is no daemon that runs, nor the name of an instance", 2)
	// A pidfile that is called as the head of a table, and an answer that says nothing.
	for program, want := range map[string]string{
		"exit 4": "PIDPROOF UNKNOWN: ", "exit 1": "PIDPROOF UNKNOWN: exit code 1, and nothing was said\n",
		"echo 'NAME         STATE    PID  BINARY'; echo 'NAME  STATE  running  424  replaced'; echo 'Unclaimed: d running  425  removed'; exit 1": "PIDPROOF WARNING: NAME  STATE runs a replaced file, Unclaimed: d runs a removed file\n",
	} {
		must(t, os.WriteFile(h.pidproof, []byte("#!/bin/sh\n"+program+"\n"), 0o755))
		stdout, _, code = h.run(t, "/bin/sh", nil, "exec '"+plugin+"' new")
		if !strings.HasPrefix(stdout, want) || (code == 3) != strings.Contains(want, "UNKNOWN") {
			t.Errorf("%s: exit %d, %q, want %q", program, code, stdout, want)
		}
	}
}
