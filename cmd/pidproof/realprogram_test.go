package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParseDiversions(t *testing.T) {
	for content, want := range map[string][]string{
		"": nil,
		"/sbin/start-stop-daemon\n/sbin/start-stop-daemon.real\npidproof\n":  {"/sbin/start-stop-daemon.real"},
		"/bin/sh\n/bin/sh.distrib\ndash\n/sbin/start-stop-daemon\n/x/y\n:\n": {"/x/y"},
		"/sbin/start-stop-daemon\nrelative\n:\n":                             nil,
		"/sbin/start-stop-daemon\n/cut/off":                                  nil,
		"/bin/start-stop-daemon.d/x\n/x/y\n:\n":                              nil,
	} {
		if got := parseDiversions(content, ssdName); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", content, got, want)
		}
	}
}

func FuzzParseDiversions(f *testing.F) {
	f.Add("/sbin/start-stop-daemon\n/sbin/start-stop-daemon.real\npidproof\n")
	f.Fuzz(func(t *testing.T, content string) {
		for _, path := range parseDiversions(content, ssdName) {
			if !filepath.IsAbs(path) {
				t.Errorf("%q is no path", path)
			}
		}
	})
}

// Times of --timeout and -t: a number of seconds, or Go's notation.
func FuzzTimes(f *testing.F) {
	for _, text := range []string{"0", "10", "1.5", "500ms", ".", "..", "-1", "1e3", "9999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var p patience
		var l limit
		errP, errL := p.UnmarshalText([]byte(text)), l.UnmarshalText([]byte(text))
		switch {
		case errP == nil && (p <= 0 || errL != nil || time.Duration(p) != time.Duration(l)):
			t.Errorf("%q: patience %v, limit %v (%v)", text, time.Duration(p), time.Duration(l), errL)
		case errL == nil && (l < 0 || errP != nil && l != 0):
			t.Errorf("%q: limit %v, but no patience: %v", text, time.Duration(l), errP)
		}
	})
}

// What cannot be looked at is not passed over: the next of that name may be our wrapper.
func TestRealProgramUnread(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, strings.Repeat("x", 300))
	if its, err := isProgram(long); its || err == nil {
		t.Errorf("%v, %v", its, err)
	}
	if its, err := isReal(long, false); its || err == nil {
		t.Errorf("%v, %v", its, err)
	}
	t.Setenv("PATH", long+":"+dir)
	if real, err := findReal("nosuch"); err == nil || !errors.Is(err, syscall.ENAMETOOLONG) {
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

func TestUnlockable(t *testing.T) {
	for err, goes := range map[error]bool{syscall.EACCES: true, syscall.EROFS: true, syscall.ENOENT: true, syscall.EMFILE: false, syscall.EIO: false} {
		if unlock, refused := unlockable(err); (unlock != nil) != goes || (refused == nil) != goes {
			t.Errorf("%v: %v", err, refused)
		}
	}
}
