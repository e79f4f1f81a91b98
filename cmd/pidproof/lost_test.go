package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pidproof/cmd/pidproof/internal/exitcode"
)

// An answer that could not be written is no answer, but for those whose exit code it is.
// A reader that has gone has what it wanted, and no complaint: others end of SIGPIPE then.
func TestAnswerIsLost(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	reader, gone, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer gone.Close()
	daemon := filepath.Join(t.TempDir(), "nobody-runs-this")
	for _, args := range [][]string{
		{"check", "-p", "/dev/null", daemon},
		{"status", "-p", "/dev/null", daemon},
		{"explain", "-p", "/dev/null", daemon},
		{"explain", "--json", "-p", "/dev/null", daemon},
		{"pidof", filepath.Base(os.Args[0])},
		{"--version"},
		{"--help"},
		{"check", "--help"},
	} {
		_, code, _ := runWith(t, nil, args...)
		if byExit := args[0] == "check" || args[0] == "status"; !byExit || slices.Contains(args, "--help") {
			code = exitcode.Unknown
		}
		if _, got, said := runWith(t, gone, args...); got != code || said != "" {
			t.Errorf("%v, nobody reads: exit %d, %q; want %d", args, got, said, code)
		}
		if _, got, said := runWith(t, full, args...); got != code || !strings.Contains(said, "could not be written: write /dev/stdout: no space left") {
			t.Errorf("%v, a full disk: exit %d, %q; want %d", args, got, said, code)
		}
	}
}

// runWith runs pidproof with that standard output; nil: it is returned.
func runWith(t *testing.T, stdout *os.File, args ...string) (out string, code int, said string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(programs, "pidproof"), args...)
	var read, stderr strings.Builder
	if cmd.Stdout, cmd.Stderr = &read, &stderr; stdout != nil {
		cmd.Stdout = stdout
	}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return read.String(), cmd.ProcessState.ExitCode(), stderr.String()
}

// A deadline is a positive number of seconds, or has a unit.
func TestPatience(t *testing.T) {
	for text, want := range map[string]string{"10": "10s", "0.5": "500ms", "2m": "2m0s", "500ms": "500ms"} {
		var p patience
		if err := p.UnmarshalText([]byte(text)); err != nil || p.String() != want {
			t.Errorf("%s: got %v, %v; want %s", text, p, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "-1s", "soon", "1e9", "0x1p3", "99999999999999999999", "."} {
		var p patience
		if err := p.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken for %v", text, p)
		}
	}
}
