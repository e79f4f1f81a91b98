package matcher

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A user fills a directory that everyone may write to (/run/lock) with pidfiles:
// they are not all read, and hide none of root's.
func TestOtherPidfilesAreBounded(t *testing.T) {
	run := t.TempDir()
	lock := filepath.Join(run, "lock")
	if err := os.Mkdir(lock, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(lock, 0o1777); err != nil {
		t.Fatal(err)
	}
	for i := range usersLimit + 500 {
		if err := os.WriteFile(filepath.Join(lock, fmt.Sprintf("%d.pid", i)), []byte("77\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a.pid", "web/z.pid"} {
		path := filepath.Join(run, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("78\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h := thisHost()
	h.run = []string{run}
	found, missed := h.otherPidfiles(Pidfile{})
	byPID := map[int]int{}
	for _, p := range found {
		byPID[p.PID]++
	}
	if byPID[77] != usersLimit || byPID[78] != 2 || missed != 0 {
		t.Errorf("found %v, missed %d; want %d of the user's, both of root's, and nothing missed that counts", byPID, missed, usersLimit)
	}
}

func TestPidfileNames(t *testing.T) {
	for name, want := range map[string]bool{"sshd.pid": true, "pid": true, "PIDFILE": true, "utmp": false, "x.lock": false} {
		if pidfileName(name) != want {
			t.Errorf("%s: got %v", name, !want)
		}
	}
}

// The daemon may write its own pidfile, by rename, after ours was read.
func TestOwnPidfileIsNoOthers(t *testing.T) {
	run := t.TempDir()
	path := filepath.Join(run, "d.pid")
	if err := os.WriteFile(path, []byte("77\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	h := thisHost()
	h.run = []string{run}
	for _, own := range []Pidfile{{Path: path}, {Path: run + "/./d.pid"}, {Path: path, ID: FileID{1, 1}}, {Path: "/elsewhere", ID: fileID(path)}} {
		if found, _ := h.otherPidfiles(own); len(found) != 0 {
			t.Errorf("%+v: its own pidfile is another's: %v", own, found)
		}
	}
	if found, _ := h.otherPidfiles(Pidfile{Path: run + "/e.pid"}); len(found) != 1 {
		t.Errorf("another pidfile was not found: %v", found)
	}
}
