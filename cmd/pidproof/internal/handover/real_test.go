package handover

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestParseDiversions(t *testing.T) {
	const ssd = "/sbin/start-stop-daemon"
	for content, want := range map[string][]Diversion{
		"": nil,
		"/sbin/start-stop-daemon\n/sbin/start-stop-daemon.real\npidproof\n":  {{ssd, ssd + ".real", "pidproof"}},
		"/bin/sh\n/bin/sh.distrib\ndash\n/sbin/start-stop-daemon\n/x/y\n:\n": {{ssd, "/x/y", ":"}},
		"/sbin/start-stop-daemon\nrelative\n:\n":                             nil,
		"/sbin/start-stop-daemon\n/cut/off":                                  nil,
		"/bin/start-stop-daemon.d/x\n/x/y\n:\n":                              nil,
	} {
		if got := parseDiversions(content, StartStopDaemon); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", content, got, want)
		}
	}
}

func FuzzParseDiversions(f *testing.F) {
	f.Add("/sbin/start-stop-daemon\n/sbin/start-stop-daemon.real\npidproof\n")
	f.Fuzz(func(t *testing.T, content string) {
		for _, d := range parseDiversions(content, StartStopDaemon) {
			if !filepath.IsAbs(d.To) {
				t.Errorf("%q is no path", d.To)
			}
		}
	})
}

// What cannot be looked at is not passed over: the next of that name may be our wrapper.
func TestRealProgramUnread(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, strings.Repeat("x", 300))
	if its, err := IsProgram(long); its || err == nil {
		t.Errorf("%v, %v", its, err)
	}
	if its, err := isReal(long, false); its || err == nil {
		t.Errorf("%v, %v", its, err)
	}
	t.Setenv("PATH", long+":"+dir)
	if real, err := FindReal("nosuch"); err == nil || !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("%q, %v", real, err)
	}
	for content, want := range map[string]bool{"#!/bin/sh\n": true, "#!/bin/sh\n# pidproof: stands before x\n": false, "\x7fELF": true} {
		path := filepath.Join(dir, "program")
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		if its, err := isReal(path, false); its != want || err != nil {
			t.Errorf("%q: %v, %v", content, its, err)
		}
		if its, err := isReal(path, true); its != (content[0] == 0x7f) || err != nil {
			t.Errorf("%q as a binary: %v, %v", content, its, err)
		}
	}
}
