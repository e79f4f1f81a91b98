package ondemand

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What cannot be looked at is an error, and not absent: a trigger that is passed over
// stays armed. testdata/faults tries every system call.
func TestUnreadIsNotAbsent(t *testing.T) {
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	saidNothing := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	for _, path := range []string{loop, "/" + strings.Repeat("x", 300)} {
		_, err := isFile(path)
		saidNothing("a file at "+path, err)
		_, err = isDir(path)
		saidNothing("a directory at "+path, err)
	}
	for _, path := range []string{loop, dir} {
		_, err := readInitScript(path)
		saidNothing("an init script", err)
		_, _, err = readBusService(path)
		saidNothing("a service of the bus", err)
	}
	for _, path := range []string{filepath.Join(dir, "none"), filepath.Join(dir, "none/none")} {
		if there, err := isFile(path); there || err != nil {
			t.Errorf("%s: %v, %v", path, there, err)
		}
	}
}

func TestPidsOfUnreadGroup(t *testing.T) {
	roots := cgroupRoots
	t.Cleanup(func() { cgroupRoots = roots })
	cgroupRoots = []string{t.TempDir()}
	if err := os.MkdirAll(filepath.Join(cgroupRoots[0], "x.service/cgroup.procs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if pids, err := pidsIn("/x.service"); err == nil {
		t.Errorf("%v, and no error", pids)
	}
}

// A record that cannot be read is not written anew: what it holds off would be forgotten.
func TestAllowKeepsUnreadRecord(t *testing.T) {
	emptyDir(t)
	s := Service{Name: strings.Repeat("x", 300)}
	if err := s.Allow(1); err == nil {
		t.Error("no error")
	}
}

func TestListenedInTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	hangs := make(chan struct{})
	defer close(hangs)
	if err := within(ctx, "who listens", func() error { <-hangs; return nil }); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("%v", err)
	}
}
