package matcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
	"pidproof/testdata/must"
	"pidproof/testdata/need"
)

// others are the pidfiles but own that name a process, and how many were missed.
func (h *host) others(own rules.Pidfile) (found []rules.Pidfile, missed int) {
	w := h.walk()
	for pid := range w.byPID {
		found = append(found, w.naming(pid, own)...)
	}
	return found, w.allMissed()
}

// A user's pidfiles may hold a thousand numbers each: no more of them are looked at, by
// whoever lists all instances, than he may have files.
func TestOtherPidfilesNumbersAreBounded(t *testing.T) {
	need.Root(t)
	const user, files, numbers = 65534, 50, 100
	run := t.TempDir()
	own := filepath.Join(run, "own")
	must.Do(t, os.Mkdir(own, 0o755))
	must.Do(t, os.Chown(own, user, user))
	for i := range files {
		path := filepath.Join(own, fmt.Sprintf("%d.pid", i))
		content := "7 8"
		for n := range numbers {
			content += fmt.Sprintf("\n%d", 1000+i*numbers+n)
		}
		must.Do(t, os.WriteFile(path, []byte(content), 0o644))
		must.Do(t, os.Chown(path, user, user))
	}
	h := thisHost()
	h.run = []string{run}
	walk, looks := h.walk(), 0
	for _, p := range walk.all {
		looks += len(p.Numbers().All())
	}
	if len(walk.all) != files || looks > usersLimit || looks < usersLimit-2*files {
		t.Errorf("%d pidfiles with %d numbers", len(walk.all), looks)
	}
	if walk.doubt(user) == 0 || walk.doubt(0) != 0 {
		t.Errorf("missed %d of the user, %d of root", walk.doubt(user), walk.doubt(0))
	}
}

// A user fills a directory that everyone may write to (/run/lock) with pidfiles:
// they are not all read, and hide none of root's.
func TestOtherPidfilesAreBounded(t *testing.T) {
	need.Root(t)
	const user = 65534
	run := t.TempDir()
	lock := filepath.Join(run, "lock")
	if err := os.Mkdir(lock, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(lock, 0o1777); err != nil {
		t.Fatal(err)
	}
	for i := range usersLimit + 500 {
		path := filepath.Join(lock, fmt.Sprintf("%d.pid", i))
		if err := os.WriteFile(path, []byte("77\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, user, user); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a.pid", "lock/zz.pid"} {
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
	found, missed := h.others(rules.Pidfile{})
	byPID := map[int]int{}
	for _, p := range found {
		byPID[p.PID]++
	}
	if byPID[77] != usersLimit || byPID[78] != 2 || missed != 500 {
		t.Errorf("found %v, missed %d; want %d of the user's, both of root's, and 500 missed", byPID, missed, usersLimit)
	}
	// What is missed is missed of him alone.
	if w := h.walk(); w.doubt(0) != 0 || w.doubt(user) == 0 {
		t.Errorf("in doubt about root's processes: %d; about the user's: %d", w.doubt(0), w.doubt(user))
	}
}

// What a user puts where everyone may write is no reason to know less of others.
func TestUsersOddEntriesAreNoLoss(t *testing.T) {
	need.Root(t)
	const user = 65534
	run := t.TempDir()
	lock := filepath.Join(run, "lock")
	must.Do(t, os.MkdirAll(filepath.Join(lock, "dir.pid"), 0o755))
	must.Do(t, os.WriteFile(filepath.Join(run, "root.pid"), []byte("78\n"), 0o644))
	for name, target := range map[string]string{"loop.pid": "loop.pid", "link.pid": "../root.pid", "dangling.pid": "nowhere", "far.pid": "/proc/1/root/x"} {
		must.Do(t, os.Symlink(target, filepath.Join(lock, name)))
		must.Do(t, os.Lchown(filepath.Join(lock, name), user, user))
	}
	must.Do(t, unix.Mkfifo(filepath.Join(lock, "fifo.pid"), 0o644))
	must.Do(t, os.Chown(filepath.Join(lock, "dir.pid"), user, user))
	chown(t, lock, 0, 0o1777)
	h := thisHost()
	h.run = []string{run}
	found, missed := h.others(rules.Pidfile{})
	if len(found) != 1 || missed != 0 || h.walk().failure != nil {
		t.Errorf("found %v, missed %d (%v); want root's pidfile, and nothing missed", found, missed, h.walk().failure)
	}
}

// One who fills his directory, or hangs others below it, hides no one else's
// pidfile, and what he fills is never taken for "no other instance".
func TestOtherPidfilesQuotas(t *testing.T) {
	need.Root(t)
	const full, mysql, user = 33, 34, 65534
	run := t.TempDir()
	fill := func(dir string, uid, mode int) {
		t.Helper()
		path := filepath.Join(run, dir)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range usersLimit + 1 {
			if err := os.WriteFile(filepath.Join(path, fmt.Sprintf("%d.pid", i)), []byte("77\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		chown(t, path, uid, mode)
	}
	place := func(name string, uid, mode int) {
		t.Helper()
		path := filepath.Join(run, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("78\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		chown(t, filepath.Dir(path), uid, mode)
	}
	fill("user/65534", user, 0o700)
	fill("lock/below", full, 0o755) // paid from the quota of lock, where its owner made it
	chown(t, filepath.Join(run, "lock"), 0, 0o1777)
	place("mysqld/mysqld.pid", mysql, 0o755)
	place("shm/b.pid", 0, 0o1777)
	place("www/b.pid", full, 0o755)
	place("zz/user/b.pid", 0, 0o755)

	h := thisHost()
	h.run = []string{run}
	found, missed := h.others(rules.Pidfile{})
	others := 0
	for _, p := range found {
		if p.PID == 78 {
			others++
		}
	}
	if others != 4 || missed != 2 || len(found) > 4+2*usersLimit {
		t.Errorf("found %d of the 4 others, %d in all, missed %d; want 2", others, len(found), missed)
	}

	for uid, want := range map[int]fact.FactState{0: fact.Known, mysql: fact.Known, user: fact.Unreadable, full: fact.Unreadable} {
		if claims := h.claims(rules.Daemon{}, rules.Pidfile{}, fact.Evidence{PID: 78, UID: uid, EUID: uid}); claims.State != want {
			t.Errorf("the claims on a process of uid %d are %+v; want %v", uid, claims, want)
		}
	}
}

func chown(t *testing.T, path string, uid, mode int) {
	t.Helper()
	if err := os.Chown(path, uid, uid); err != nil {
		t.Fatal(err)
	}
	bits := fs.FileMode(mode & 0o777)
	if mode&0o1000 != 0 {
		bits |= fs.ModeSticky
	}
	if err := os.Chmod(path, bits); err != nil {
		t.Fatal(err)
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
	for _, own := range []rules.Pidfile{{Path: path}, {Path: run + "/./d.pid"}, {Path: path, ID: fact.FileID{Dev: 1, Ino: 1}}, {Path: "/elsewhere", ID: kernel.Identify(path).Value}} {
		if found, _ := h.others(own); len(found) != 0 {
			t.Errorf("%+v: its own pidfile is another's: %v", own, found)
		}
	}
	if found, _ := h.others(rules.Pidfile{Path: run + "/e.pid"}); len(found) != 1 {
		t.Errorf("another pidfile was not found: %v", found)
	}
}

// One user's files in /run/lock, more than are looked at of all users together, left no look for what
// root gave another (/run/postgresql): his instance ran "unclaimed", and killproc left it alone.
func TestManyFilesLeaveLooksForOthers(t *testing.T) {
	need.Root(t)
	const full, postgres = 65534, 34
	run := t.TempDir()
	for dir, uid := range map[string]int{"lock": full, "postgresql": postgres} {
		must.Do(t, os.Mkdir(filepath.Join(run, dir), 0o755))
		files := 1
		if uid == full {
			files = sharedLimit + 1000
		}
		for i := range files {
			path := filepath.Join(run, dir, fmt.Sprintf("%d.pid", i))
			must.Do(t, os.WriteFile(path, []byte("78\n"), 0o644))
			must.Do(t, os.Chown(path, uid, uid))
		}
	}
	chown(t, filepath.Join(run, "lock"), 0, 0o1777)
	chown(t, filepath.Join(run, "postgresql"), postgres, 0o755)
	h := thisHost()
	h.run = []string{run}
	w := h.walk()
	if w.doubt(0, postgres) != 0 || w.doubt(full) == 0 || len(w.all) != usersLimit+1 {
		t.Errorf("%d pidfiles, missed of root and the other %d, of the user %d", len(w.all), w.doubt(0, postgres), w.doubt(full))
	}
}

// A user removes his directory while it is read: the kernel says ENOENT then (iterate_dir in fs/readdir.c), which was an
// error of root's answer, eight times of eight.
func TestDirectoryRemovedWhileRead(t *testing.T) {
	need.Root(t)
	run := t.TempDir()
	own := filepath.Join(run, "own")
	for range 5 {
		must.Do(t, os.Mkdir(own, 0o755))
		for i := range 700 {
			must.Do(t, os.WriteFile(filepath.Join(own, fmt.Sprintf("%d.pid", i)), nil, 0o644))
		}
		watch, err := unix.InotifyInit1(unix.IN_CLOEXEC)
		must.Do(t, err)
		_, err = unix.InotifyAddWatch(watch, own, unix.IN_ACCESS)
		must.Do(t, err)
		done := make(chan error, 1)
		go func() {
			_, err := kernel.Retried(func() (int, error) { return unix.Read(watch, make([]byte, 4096)) })
			done <- errors.Join(err, os.RemoveAll(own))
		}()
		h := thisHost()
		h.run = []string{run}
		if w := h.walk(); w.failure != nil || w.missed != 0 {
			t.Errorf("missed %d (%v)", w.missed, w.failure)
		}
		must.Do(t, <-done)
		unix.Close(watch)
	}
}

// A user's lease on his own pidfile, in a directory of root's, keeps that one file from being read.
func TestLeasedPidfile(t *testing.T) {
	need.Root(t)
	const user = 65534
	run := t.TempDir()
	for name, uid := range map[string]int{"his.pid": user, "roots.pid": 0} {
		must.Do(t, os.WriteFile(filepath.Join(run, name), []byte("78\n"), 0o644))
		must.Do(t, os.Chown(filepath.Join(run, name), uid, uid))
	}
	f, err := os.OpenFile(filepath.Join(run, "his.pid"), os.O_RDWR, 0)
	must.Do(t, err)
	defer f.Close()
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Fatal(err)
	}
	h := thisHost()
	h.run = []string{run}
	if w := h.walk(); w.failure != nil || w.doubt(0) != 0 || w.doubt(user) != 1 || len(w.all) != 1 {
		t.Errorf("%d pidfiles, missed of root %d (%v), of the user %d", len(w.all), w.doubt(0), w.failure, w.doubt(user))
	}
}
