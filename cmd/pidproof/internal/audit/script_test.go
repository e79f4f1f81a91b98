package audit

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A link is followed, a FIFO is not waited for.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mkfifo", filepath.Join(dir, "fifo")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := load(filepath.Join(dir, "fifo")); !errors.Is(err, ErrNoShell) {
		t.Errorf("a FIFO: %v", err)
	}
	if _, err := parse("x", "#!/usr/bin/python3\n"); !errors.Is(err, ErrNoShell) {
		t.Errorf("python: %v", err)
	}
	if _, err := parse("x", "#!/bin/sh\necho \"\n"); err == nil || errors.Is(err, ErrNoShell) {
		t.Errorf("unbalanced quotes: %v", err)
	}
	if found := ofText(t, "x", "#!/bin/sh\n# M\xfcller\nkillall d\n"); places(found) != "3 killall\n" {
		t.Errorf("Latin-1: %v", found)
	}
}

// Which shell reads a file: by its first line, or, where execve(2) knows none, the caller's own.
func TestShellOf(t *testing.T) {
	for line, is := range map[string]bool{
		"#!/usr/bin/env -S bash -e": true, "#! /bin/busybox ash": true, "#!/bin/bash-static": true, "#!/usr/bin/ksh93": true, "#!/usr/bin/with-contenv sh": true, "#!/bin/oksh": true, "#!/bin/lksh": true, "#!/bin/rksh93": true, "#!/usr/bin/pdksh": true, "#!/bin/hush": true,
		"#!/usr/bin/perl -w": false, "#!/usr/bin/env python3": false, "#!/bin/tcsh -f": false,
	} {
		if _, got := shellOf(line + "\nkill 1\n"); got != is {
			t.Errorf("%s: %v", line, got)
		}
	}
	path := filepath.Join(t.TempDir(), "without")
	for mode, want := range map[fs.FileMode]int{0o755: 1, 0o644: 0} {
		if err := errors.Join(os.WriteFile(path, []byte("# an old script\nkill $pid\n"), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		r := Audit(Meant([]string{path}))
		if len(r.Findings) != want || want > 0 && r.Findings[0].Line != 2 {
			t.Errorf("mode %o: %+v", mode, r.Findings)
		}
	}
}

// A file that gives nothing is given up: the kernel's messages, which may be a script's to read with ".".
func TestReadEnds(t *testing.T) {
	t.Parallel()
	done := make(chan bool)
	go func() { Audit(Meant([]string{"/proc/kmsg"})); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * readTime):
		t.Fatal("/proc/kmsg is read for ever")
	}
}
