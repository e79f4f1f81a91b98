package main

import (
	"errors"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

func TestParseInvocation(t *testing.T) {
	for _, row := range []struct {
		line  string
		want  invocation
		words string // for the real program
	}{
		{"foo stop", invocation{name: "foo", action: "stop"}, "foo stop"},
		{"--quiet foo --force stop", invocation{name: "foo", action: "stop"}, "--quiet foo --force stop"},
		{"--allow-on-demand foo stop", invocation{name: "foo", action: "stop", allowOnDemand: true, before: true}, "foo stop"},
		{"foo --allow-on-demand stop", invocation{name: "foo", action: "stop", allowOnDemand: true, before: true}, "foo stop"},
		{"foo stop --allow-on-demand x", invocation{name: "foo", action: "stop", allowOnDemand: true}, "foo stop x"},
		{"--query foo stop", invocation{name: "foo", action: "stop", query: true}, "--query foo stop"},
		{"foo --skip-systemd-native restart", invocation{name: "foo", action: "restart", skipNative: true},
			"foo --skip-systemd-native restart"},
		// After the action, everything is the init script's.
		{"foo start --query --skip-systemd-native --nosuch", invocation{name: "foo", action: "start"},
			"foo start --query --skip-systemd-native --nosuch"},
		// No option, but no name either: that is ParseName's matter.
		{"-x stop", invocation{name: "-x", action: "stop"}, "-x stop"},
	} {
		row.want.words = strings.Fields(row.words)
		if got, ok := parseInvocation(strings.Fields(row.line)); !ok || !reflect.DeepEqual(got, row.want) {
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
	need.Program(t, invokeRcName)
	real, err := findReal(invokeRcName)
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
		call, ok := parseInvocation(append([]string{"--query"}, words...))
		if refused := code == 103 || code == 0; refused == ok { // 0: --help
			t.Errorf("%q: the real program ends with %d, ours has ok=%v\n%s", words, code, ok, trace)
		}
		if !ok {
			complains++
			continue
		}
		for variable, ours := range map[string]string{"INITSCRIPTID": call.name, "ACTION": call.action} {
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
		call, ok := parseInvocation(given)
		if !ok {
			return
		}
		if want := slices.DeleteFunc(slices.Clone(given),
			func(w string) bool { return w == allowOnDemand }); !slices.Equal(call.words, want) {
			t.Fatalf("%q became %q", given, call.words)
		}
		if call.allowOnDemand != slices.Contains(given, allowOnDemand) {
			t.Fatalf("%q: %+v", given, call)
		}
		name, action := slices.Index(call.words, call.name), slices.Index(call.words, call.action)
		if name < 0 || action < 0 || name > action || strings.HasPrefix(call.name, "--") ||
			strings.HasPrefix(call.action, "--") {
			t.Fatalf("%q: %+v", given, call)
		}
		again, ok := parseInvocation(append(slices.Clone(call.words), "--query", skipNative, "more"))
		again.words, again.allowOnDemand = again.words[:len(call.words)], call.allowOnDemand
		again.before = call.before
		if !ok || !reflect.DeepEqual(again, call) {
			t.Fatalf("%q: %+v, and read again %+v", given, call, again)
		}
	})
}
