package systemdinvoke

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/testdata/need"
)

func TestParse(t *testing.T) {
	for line, want := range map[string]Invocation{
		"stop foo.service foo.socket":        {"stop", []string{"foo.service", "foo.socket"}},
		"--system stop foo":                  {"stop", []string{"foo"}},
		"stop --no-dbus foo":                 {"stop", []string{"foo"}},
		"stop -- foo@x.service":              {"stop", []string{"foo@x.service"}},
		`restart a\x2db.service c@*.service`: {"restart", []string{`a\x2db.service`, "c@*.service"}},
	} {
		if got, ok := Parse(strings.Fields(line)); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", line, got, ok, want)
		}
	}
	for _, line := range []string{
		"", "stop", "--user stop foo", "stop foo --user", "-user stop foo", "--us stop foo", "-- stop foo", "stop --", "stop -x", "stop -- -x",
		"stop $(reboot)", "stop a;b", "stop 'foo'", "stop a/b", "stop a\x1bb", "stop b\xe4r", "stop a+b", "- stop foo", "stop -",
	} {
		if got, ok := Parse(strings.Fields(line)); ok {
			t.Errorf("%q: %+v, want it left to the real program", line, got)
		}
	}
}

func TestKinds(t *testing.T) {
	call := Invocation{"stop", []string{"a", "b.service", "c.socket", "d.path", "e.timer", "f.target", "g.h", "i@*"}}
	if got, want := call.Services(), []string{"a.service", "b.service", "g.h.service", "i@*.service"}; !slices.Equal(got, want) {
		t.Errorf("services: %q, want %q", got, want)
	}
	if got, want := call.Triggers(), []string{"c.socket", "d.path", "e.timer"}; !slices.Equal(got, want) {
		t.Errorf("triggers: %q, want %q", got, want)
	}
	for action, want := range map[string]bool{"start": true, "restart": true, "try-restart": true, "stop": false, "reload": false, "daemon-reload": false} {
		if got := (Invocation{Action: action}).Starts(); got != want {
			t.Errorf("%s starts: %v", action, got)
		}
	}
}

// oddLines are what the real program takes, one way or another.
var oddLines = []string{
	"stop foo", "stop foo.service bar.socket", "--system stop foo", "stop --system foo", "stop foo --system", "--no-dbus stop foo",
	"stop -- foo", "stop foo -- bar", "stop -- foo --system", "stop -- --", "stop --no-dbus -- foo bar", "start foo bar.socket",
	"restart --system foo", "try-restart foo bar", "reload foo@x.service", `stop a\x2db`, "stop foo@*", "stop --system --system foo",
	"stop --nosuch foo", "stop --user foo", "--syst stop foo", "-system stop foo", "--SYSTEM stop foo", "stop --system=1 foo",
	"-- stop foo", "foo", "stop", "", "stop - foo", "- stop foo", "stop -x foo", "status foo",
}

// TestParseAsReal has Debian's own program call a systemctl that only notes how: where Parse
// has an action and units, those are what reaches it.
func TestParseAsReal(t *testing.T) {
	need.Program(t, "perl")
	real, err := handover.FindReal(handover.DebSystemdInvoke)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	note := "#!/bin/sh\nfor word; do [ \"$word\" = -- ] || printf '%s\\n' \"$word\"; done >>\"$NOTES\"\necho enabled\n"
	if err := os.WriteFile(filepath.Join(dir, "systemctl"), []byte(note), 0o755); err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, line := range oddLines {
		call, ok := Parse(strings.Fields(line))
		if !ok {
			continue
		}
		read++
		notes := filepath.Join(t.TempDir(), "notes")
		cmd := exec.Command(real, strings.Fields(line)...)
		cmd.Dir = t.TempDir()
		// DPKG_ROOT leads it to no policy-rc.d; this machine's may forbid everything.
		cmd.Env = append(os.Environ(), "NOTES="+notes, "DPKG_ROOT="+dir, "PATH="+dir+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
		noted, err := os.ReadFile(notes)
		if err != nil {
			t.Fatal(err)
		}
		words := slices.DeleteFunc(strings.Fields(string(noted)), func(w string) bool { return strings.HasPrefix(w, "--") })
		want := append([]string{call.Action}, call.Units...)
		if len(words) < len(want) || !slices.Equal(words[len(words)-len(want):], want) {
			t.Errorf("%s: systemctl got %q at last, want %q", line, words, want)
		}
	}
	if read < 15 || read > len(oddLines)-10 {
		t.Errorf("%d of %d lines were read", read, len(oddLines))
	}
}

// FuzzParse: no word that means something to a shell comes through, but for patterns.
func FuzzParse(f *testing.F) {
	for _, line := range oddLines {
		f.Add(strings.ReplaceAll(line, " ", "\x00"))
	}
	f.Fuzz(func(t *testing.T, line string) {
		given := strings.Split(line, "\x00")
		call, ok := Parse(given)
		if !ok {
			return
		}
		for _, word := range append([]string{call.Action}, call.Units...) {
			if word == "" || word[0] == '-' || strings.ContainsAny(word, " \t\n'\"`$;&|<>(){}!#~/%=+,^\x00") || !slices.Contains(given, word) {
				t.Fatalf("%q became %q", given, call)
			}
		}
		if len(call.Units) == 0 || len(call.Services()) > len(call.Units) {
			t.Fatalf("%q became %q", given, call)
		}
	})
}
