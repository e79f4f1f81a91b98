package lab

import (
	"encoding/json"
	"strings"
	"testing"
)

// explanation is the part of `pidproof explain --json` that these tests rely on.
type explanation struct {
	Schema    int
	Verdict   string
	Exit      int
	Rule      string
	Processes []struct {
		PID      int
		Role     string
		Instance string
	}

	line string // what check said, without the newline
}

var exitCodes = map[string]int{"running": 0, "dead": 1, "not-running": 3, "unknown": 4, "unclaimed": 150}

// expect asks check and explain about an instance of apache2. They have to agree, and to give that exit code.
func (s site) expect(t *testing.T, h *Host, code int) explanation {
	t.Helper()
	instance := []string{"-p", s.pidfile(), "/usr/sbin/apache2"}
	check := h.Run(t, "pidproof", append([]string{"check"}, instance...)...)
	quiet := h.Run(t, "pidproof", append([]string{"check", "-q"}, instance...)...)
	explain := h.Run(t, "pidproof", append([]string{"explain", "--json"}, instance...)...)

	var why explanation
	if err := json.Unmarshal([]byte(explain.Stdout), &why); err != nil {
		t.Fatalf("explain --json: %v: %s%s", err, explain.Stdout, explain.Stderr)
	}
	if check.Code != code {
		text := h.Run(t, "pidproof", append([]string{"explain"}, instance...)...)
		t.Errorf("check says %d, want %d: %s%s%s", check.Code, code, check.Stdout, check.Stderr, text.Stdout)
	}
	if (quiet != Result{Code: check.Code}) {
		t.Errorf("check -q: %+v, want only exit code %d", quiet, check.Code)
	}
	if exit, known := exitCodes[why.Verdict]; !known || exit != check.Code || why.Exit != check.Code || explain.Code != check.Code {
		t.Errorf("check says %d, but explain exits with %d, its verdict is %q and its exit %d", check.Code, explain.Code, why.Verdict, why.Exit)
	}
	if why.Schema != 1 || why.Rule == "" {
		t.Errorf("schema %d, rule %q", why.Schema, why.Rule)
	}
	why.line = strings.TrimSuffix(check.Stdout, "\n")
	if why.line == "" || strings.Contains(why.line, "\n") || check.Stderr != "" {
		t.Errorf("check says %q and %q, want one line on stdout", check.Stdout, check.Stderr)
	}
	return why
}

// expectRole requires of each of these processes that explain lists it once, in that role. The instance is another
// one's pidfile; for this instance's own processes it is empty.
func (e explanation) expectRole(t *testing.T, role, instance string, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		found := 0
		for _, process := range e.Processes {
			if process.PID != pid {
				continue
			}
			found++
			if process.Role != role || process.Instance != instance {
				t.Errorf("process %d is %q of %q, want %q of %q", pid, process.Role, process.Instance, role, instance)
			}
		}
		if found != 1 {
			t.Errorf("explain lists process %d %d times", pid, found)
		}
	}
}
