package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/cmd/pidproof/internal/exitcode"
)

// An answer that nobody could read is no answer, whatever it was.
func TestReaderHasGone(t *testing.T) {
	for _, args := range [][]string{
		{"check", "-p", "/dev/null", "/bin/sh"},
		{"explain", "-p", "/dev/null", "/bin/sh"},
		{"explain", "--json", "-p", "/dev/null", "/bin/sh"},
		{"status", "-p", "/dev/null", "/bin/sh"},
		{"pidof", filepath.Base(os.Args[0])},
		{"--version"},
		{"--help"},
		{"check", "--help"},
	} {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		reader.Close()
		cmd := exec.Command(filepath.Join(programs, "pidproof"), args...)
		var stderr strings.Builder
		cmd.Stdout, cmd.Stderr = writer, &stderr
		err = cmd.Run()
		writer.Close()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitcode.Unknown || !strings.Contains(stderr.String(), "could not be written") {
			t.Errorf("%v: %v, %s; want exit %d", args, err, stderr.String(), exitcode.Unknown)
		}
	}
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
