package invokerc

import (
	"errors"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/testdata/need"
)

func TestParseInvocation(t *testing.T) {
	for _, row := range []struct {
		line  string
		want  Invocation
		words string // for the real program
	}{
		{"foo stop", Invocation{Name: "foo", Action: "stop"}, "foo stop"},
		{"--quiet foo --force stop", Invocation{Name: "foo", Action: "stop"}, "--quiet foo --force stop"},
		{"--allow-on-demand foo stop", Invocation{Name: "foo", Action: "stop", AllowOnDemand: true, Before: true}, "foo stop"},
		{"foo --allow-on-demand stop", Invocation{Name: "foo", Action: "stop", AllowOnDemand: true, Before: true}, "foo stop"},
		{"foo stop --allow-on-demand x", Invocation{Name: "foo", Action: "stop", AllowOnDemand: true}, "foo stop x"},
		{"--query foo stop", Invocation{Name: "foo", Action: "stop", Query: true}, "--query foo stop"},
		{"foo --skip-systemd-native restart", Invocation{Name: "foo", Action: "restart", SkipNative: true},
			"foo --skip-systemd-native restart"},
		// After the action, everything is the init script's.
		{"foo start --query --skip-systemd-native --nosuch", Invocation{Name: "foo", Action: "start"},
			"foo start --query --skip-systemd-native --nosuch"},
		// No option, but no name either: that is ParseName's matter.
		{"-x stop", Invocation{Name: "-x", Action: "stop"}, "-x stop"},
	} {
		row.want.Words = strings.Fields(row.words)
		if got, ok := Parse(strings.Fields(row.line)); !ok || !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: %+v, %v\nwant %+v", row.line, got, ok, row.want)
		}
	}
}

// oddCommandLines are what the real program takes, or complains of.
var oddCommandLines = [][]string{
	{}, {"foo"}, {"foo", "stop"}, {"--quiet"}, {"--quiet", "foo"}, {"foo", "--quiet", "stop"},
	{"--"}, {"--", "foo", "stop"}, {"foo", "--", "stop"}, {"foo", "stop", "--"}, {"foo", "stop", "--nosuch", ""},
	{"--nosuch", "foo", "stop"}, {"foo", "--nosuch", "stop"}, {"---", "foo", "stop"}, {"--forced", "foo", "stop"},
	{"--quiet=1", "foo", "stop"}, {"--qui", "foo", "stop"}, {"-q", "foo", "stop"}, {"-", "stop"}, {"-x", "-y"},
	{"", "stop"}, {"foo", ""}, {" ", "stop"}, {"a b", "stop"}, {"foo", "a b"}, {"foo\tx", "stop"},
	{"foo", "st\nop"}, {"foo\rx", "stop"}, {"f\u00a0o", "stop"},
	{"--help"}, {"foo", "--help", "stop"}, {"foo", "stop", "--help"}, {"--nosuch", "--help"}, {"--help", "--nosuch"},
	{"--query", "--query", "foo", "stop"},
	{"--force", "--try-anyway", "--disclose-deny", "--no-fallback", "--skip-systemd-native", "foo", "stop"},
	{"foo", "stop", "start", "restart"}, {"stop", "foo"}, {"--foo", "stop"}, {"foo", "--stop"}, {"--force", "--", "foo"},
}

// TestParseInvocationAsReal asks Debian's own invoke-rc.d, which is a script: what it
// takes for the name and the action, and what it complains of.
func TestParseInvocationAsReal(t *testing.T) {
	need.Program(t, handover.InvokeRC)
	real, err := handover.FindReal(handover.InvokeRC)
	if err != nil {
		t.Fatal(err)
	}
	complains := 0
	for _, words := range oddCommandLines {
		words = slices.Clone(words)
		for i := range words {
			words[i] = strings.Replace(words[i], "foo", "pidproof-test-nosuch", 1)
		}
		cmd := exec.Command("sh", append([]string{"-x", real, "--query"}, words...)...)
		cmd.Dir = t.TempDir() // it expands patterns
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		trace, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		code := cmd.ProcessState.ExitCode()
		call, ok := Parse(append([]string{"--query"}, words...))
		if refused := code == 103 || code == 0; refused == ok { // 0: --help
			t.Errorf("%q: the real program ends with %d, ours has ok=%v\n%s", words, code, ok, trace)
		}
		if !ok {
			complains++
			continue
		}
		for variable, ours := range map[string]string{"INITSCRIPTID": call.Name, "ACTION": call.Action} {
			if theirs := assigned(string(trace), variable); theirs != ours {
				t.Errorf("%q: %s is %q, ours is %q", words, variable, theirs, ours)
			}
		}
	}
	if complains < 10 || complains > len(oddCommandLines)-10 {
		t.Errorf("%d of %d command lines are complained of", complains, len(oddCommandLines))
	}
}

// assigned is a variable's last value in what "sh -x" prints.
func assigned(trace, variable string) (value string) {
	for line := range strings.Lines(trace) {
		if word, is := strings.CutPrefix(line, "+ "+variable+"="); is {
			value = strings.Trim(strings.TrimSuffix(word, "\n"), "'")
		}
	}
	return value
}

// FuzzInvocation: the real program gets the words as they were given, less ours.
func FuzzInvocation(f *testing.F) {
	for _, words := range oddCommandLines {
		f.Add(strings.Join(words, "\x00"))
	}
	f.Add("--allow-on-demand\x00foo\x00--allow-on-demand\x00stop\x00--allow-on-demand\x00x")
	f.Fuzz(func(t *testing.T, line string) {
		given := strings.Split(line, "\x00") // no word holds a NUL
		call, ok := Parse(given)
		if !ok {
			return
		}
		if want := slices.DeleteFunc(slices.Clone(given),
			func(w string) bool { return w == allowOnDemand }); !slices.Equal(call.Words, want) {
			t.Fatalf("%q became %q", given, call.Words)
		}
		if call.AllowOnDemand != slices.Contains(given, allowOnDemand) {
			t.Fatalf("%q: %+v", given, call)
		}
		name, action := slices.Index(call.Words, call.Name), slices.Index(call.Words, call.Action)
		if name < 0 || action < 0 || name > action || strings.HasPrefix(call.Name, "--") ||
			strings.HasPrefix(call.Action, "--") {
			t.Fatalf("%q: %+v", given, call)
		}
		again, ok := Parse(append(slices.Clone(call.Words), "--query", skipNative, "more"))
		again.Words, again.AllowOnDemand = again.Words[:len(call.Words)], call.AllowOnDemand
		again.Before = call.Before
		if !ok || !reflect.DeepEqual(again, call) {
			t.Fatalf("%q: %+v, and read again %+v", given, call, again)
		}
	})
}

// A denial is one where there is no runlevel, too, of which invoke-rc.d complains first.
func TestComplaint(t *testing.T) {
	const level, denied = "invoke-rc.d: could not determine current runlevel\n", "invoke-rc.d: policy-rc.d denied execution of restart.\n"
	for text, want := range map[string]struct {
		denied bool
		why    string
	}{
		"":             {},
		level:          {},
		denied:         {true, strings.TrimSpace(denied)},
		level + denied: {true, strings.TrimSpace(denied)},
		level + "invoke-rc.d: not a symlink: x\nmore\n": {false, "invoke-rc.d: not a symlink: x"},
	} {
		if is, why := Complaint(text); is != want.denied || why != want.why {
			t.Errorf("%q: %v, %q", text, is, why)
		}
	}
}
