package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/child"
	"pidproof/testdata/must"
	"pidproof/testdata/waiting"
)

// watching is a watch, closed at the end, that inotify serves.
func watching(t *testing.T, pidfile string) *Watch {
	t.Helper()
	w := NewWatch(pidfile)
	t.Cleanup(w.Close)
	return w
}

// arm fails where events do not come from inotify: then Await would return anyway.
func arm(t *testing.T, w *Watch) {
	t.Helper()
	if w.Arm(); w.blind {
		t.Fatal("something on the way cannot be watched")
	}
}

// comesTrue does what a caller of watch does: it looks again whenever told to.
func comesTrue(t *testing.T, w *Watch, look func() bool) bool {
	t.Helper()
	for until := time.Now().Add(waiting.Limit); time.Now().Before(until); w.Await(waiting.Context(t, until), nil) {
		arm(t, w)
		if look() {
			return true
		}
	}
	return false
}

func holds(path, content string) func() bool {
	return func() bool {
		got, err := os.ReadFile(path)
		return err == nil && string(got) == content
	}
}

// Each change to the file, or to a directory or a link on the way to it.
func TestWatchWakes(t *testing.T) {
	for _, c := range []struct {
		name    string
		pidfile string // in the directory; what is there before is made by before
		before  func(t *testing.T, dir string)
		change  func(dir string) error
	}{
		{"created", "x.pid", nil, func(dir string) error {
			f, err := os.Create(dir + "/x.pid")
			return errors.Join(err, f.Close())
		}},
		{"written in place", "x.pid", must.Files("x.pid"), func(dir string) error {
			f, err := os.OpenFile(dir+"/x.pid", os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("2")
			return errors.Join(err, f.Close())
		}},
		{"truncated", "x.pid", must.Files("x.pid"), func(dir string) error { return os.Truncate(dir+"/x.pid", 0) }},
		{"renamed over", "x.pid", must.Files("x.pid", "x.pid.new"), func(dir string) error {
			return os.Rename(dir+"/x.pid.new", dir+"/x.pid")
		}},
		{"renamed away", "x.pid", must.Files("x.pid"), func(dir string) error { return os.Rename(dir+"/x.pid", dir+"/x.pid.oldbin") }},
		{"deleted", "x.pid", must.Files("x.pid"), func(dir string) error { return os.Remove(dir + "/x.pid") }},
		{"made readable", "x.pid", must.Files("x.pid"), func(dir string) error { return os.Chmod(dir+"/x.pid", 0o600) }},
		{"linked", "x.pid", nil, func(dir string) error { return os.Symlink("/etc/hostname", dir+"/x.pid") }},
		{"its directory is made", "a/x.pid", nil, func(dir string) error { return os.Mkdir(dir+"/a", 0o755) }},
		{"a directory above is made", "a/b/c/x.pid", nil, func(dir string) error { return os.Mkdir(dir+"/a", 0o755) }},
		{"a whole tree is moved there", "a/b/x.pid", must.Files("new/b/x.pid"), func(dir string) error {
			return os.Rename(dir+"/new", dir+"/a")
		}},
		{"its directory is removed", "a/b/x.pid", must.Files("a/b/x.pid"), func(dir string) error { return os.RemoveAll(dir + "/a") }},
		{"its directory is moved", "a/b/x.pid", must.Files("a/b/x.pid"), func(dir string) error { return os.Rename(dir+"/a", dir+"/old") }},
		{"a link on the way is retargeted", "link/x.pid", func(t *testing.T, dir string) {
			must.Files("one/x.pid", "two/x.pid")(t, dir)
			must.Do(t, os.Symlink("one", dir+"/link"), os.Symlink("two", dir+"/link.new"))
		}, func(dir string) error { return os.Rename(dir+"/link.new", dir+"/link") }},
		{"behind a link on the way", "link/x.pid", func(t *testing.T, dir string) {
			must.Do(t, os.Mkdir(dir+"/one", 0o755), os.Symlink("one", dir+"/link"))
		}, func(dir string) error { return os.WriteFile(dir+"/one/x.pid", nil, 0o644) }},
		{"behind a link that is a file's", "x.pid", func(t *testing.T, dir string) {
			must.Files("other/y.pid")(t, dir)
			must.Do(t, os.Symlink("other/y.pid", dir+"/x.pid"))
		}, func(dir string) error { return os.WriteFile(dir+"/other/y.pid", []byte("2"), 0o644) }},
		{"behind an absolute link that leads nowhere yet", "x.pid", func(t *testing.T, dir string) {
			must.Do(t, os.Mkdir(dir+"/other", 0o755), os.Symlink(dir+"/other/y.pid", dir+"/x.pid"))
		}, func(dir string) error { return os.WriteFile(dir+"/other/y.pid", nil, 0o644) }},
		{"behind a link to a link", "x.pid", func(t *testing.T, dir string) {
			must.Files("far/z.pid", "other/empty")(t, dir)
			must.Do(t, os.Symlink("other/y.pid", dir+"/x.pid"), os.Symlink("../far/z.pid", dir+"/other/y.pid"))
		}, func(dir string) error { return os.WriteFile(dir+"/far/z.pid", []byte("2"), 0o644) }},
		// /opt/app/run is a link to /run/app, which the init script makes.
		{"a link's directory is made", "app/run/x.pid", func(t *testing.T, dir string) {
			must.Do(t, os.Mkdir(dir+"/app", 0o755), os.Mkdir(dir+"/tmpfs", 0o755), os.Symlink("../tmpfs/app", dir+"/app/run"))
		}, func(dir string) error { return os.Mkdir(dir+"/tmpfs/app", 0o755) }},
		{"the second of two links is retargeted", "link/x.pid", func(t *testing.T, dir string) {
			must.Files("one/x.pid", "two/x.pid", "deep/empty")(t, dir)
			must.Do(t, os.Symlink("deep/second", dir+"/link"), os.Symlink("../one", dir+"/deep/second"), os.Symlink("../two", dir+"/new"))
		}, func(dir string) error { return os.Rename(dir+"/new", dir+"/deep/second") }},
		{"above a link, by ..", "link/../x.pid", func(t *testing.T, dir string) {
			must.Files("far/one/empty")(t, dir)
			must.Do(t, os.Symlink("far/one", dir+"/link"))
		}, func(dir string) error { return os.WriteFile(dir+"/far/x.pid", nil, 0o644) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if c.before != nil {
				c.before(t, dir)
			}
			w := watching(t, dir+"/"+c.pidfile)
			arm(t, w)
			changed := make(chan error, 1)
			go func() { changed <- c.change(dir) }()
			until := time.Now().Add(waiting.Limit)
			w.Await(waiting.Context(t, until), nil)
			if !time.Now().Before(until) {
				t.Errorf("not noticed in %v", waiting.Limit)
			}
			must.Do(t, <-changed)
		})
	}
}

// A daemon that makes its directories, then its pidfile, removes all of that and
// makes it again: nothing may be lost between a look and the next event.
func TestWatchFollowsDirectories(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/a/b/c/x.pid"
	w := watching(t, path)
	absent := func() bool { _, err := os.Stat(path); return err != nil }
	for round := range 200 {
		content := strconv.Itoa(round)
		made := make(chan error, 1)
		go func() {
			made <- errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644))
		}()
		if !comesTrue(t, w, holds(path, content)) {
			t.Fatalf("round %d: the pidfile was not noticed in %v", round, waiting.Limit)
		}
		must.Do(t, <-made)
		go func() { made <- os.RemoveAll(dir + "/a") }()
		if !comesTrue(t, w, absent) {
			t.Fatalf("round %d: that it went was not noticed in %v", round, waiting.Limit)
		}
		must.Do(t, <-made)
	}
}

// The pidfile is written into the directory that its link led to, then into
// another.
func TestWatchFollowsRetargetedLink(t *testing.T) {
	dir := t.TempDir()
	must.Files("one/empty", "two/empty")(t, dir)
	must.Do(t, os.Symlink("one", dir+"/link"))
	w := watching(t, dir+"/link/x.pid")
	arm(t, w)
	must.Do(t, os.Symlink("two", dir+"/new"), os.Rename(dir+"/new", dir+"/link"))
	written := make(chan bool)
	go func() { defer close(written); must.Write(t, dir+"/two/x.pid", "2") }()
	if !comesTrue(t, w, holds(dir+"/two/x.pid", "2")) {
		t.Error("the file behind the new target was not noticed")
	}
	// What goes on in the old directory is nobody's business any more.
	<-written
	arm(t, w)
	for w.concerned() {
	}
	must.Write(t, dir+"/one/x.pid", "1")
	if w.concerned() {
		t.Error("the directory that the link led to before is watched still")
	}
}

// /run is busy: that others write their files there must not have everything
// looked at again.
func TestWatchIgnoresNeighbours(t *testing.T) {
	dir := t.TempDir()
	must.Files("x.pid", "neighbour", "x.pid2", "a/empty")(t, dir)
	w := watching(t, dir+"/x.pid")
	arm(t, w)
	for range 1000 {
		must.Write(t, dir+"/neighbour", "2")
		must.Write(t, dir+"/x.pid2", "2")
	}
	must.Do(t, os.Mkdir(dir+"/b", 0o755), os.Remove(dir+"/b"), os.Remove(dir+"/neighbour"))
	must.Write(t, dir+"/a/x.pid", "not in this directory")
	for hasEvents(t, w) { // it takes some of them at a time, and /tmp is busy, too
		if w.concerned() {
			t.Error("another file woke it")
		}
	}
	must.Write(t, dir+"/x.pid", "2")
	woken := false
	for !woken && hasEvents(t, w) {
		woken = w.concerned()
	}
	if !woken {
		t.Error("the pidfile did not wake it among others")
	}
}

// hasEvents reports that there are events: FIONREAD, which is TIOCINQ. inotify(7)
func hasEvents(t *testing.T, w *Watch) bool {
	t.Helper()
	bytes, err := unix.IoctlGetInt(w.fd, unix.TIOCINQ)
	must.Do(t, err)
	return bytes > 0
}

// A link from the directory to a file further down: two names matter in one
// directory.
func TestWatchTwoNamesInOneDirectory(t *testing.T) {
	dir := t.TempDir()
	must.Files("deep/y.pid", "neighbour")(t, dir)
	must.Do(t, os.Symlink("deep/y.pid", dir+"/x.pid"))
	for _, name := range []string{"x.pid", "deep"} {
		w := watching(t, dir+"/x.pid")
		arm(t, w)
		must.Write(t, dir+"/neighbour", "2")
		if w.concerned() {
			t.Error("another file woke it")
		}
		must.Do(t, os.Rename(dir+"/"+name, dir+"/away"))
		if !w.concerned() {
			t.Errorf("that %s went was not noticed", name)
		}
		must.Do(t, os.Rename(dir+"/away", dir+"/"+name))
	}
}

// What came between arming and waiting is told at once, also if the kernel's
// queue ran over.
func TestWatchOverflow(t *testing.T) {
	limit, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	must.Do(t, err)
	events, err := strconv.Atoi(strings.TrimSpace(string(limit)))
	must.Do(t, err)
	dir := t.TempDir()
	must.Files("neighbour", "other")(t, dir)
	w := watching(t, dir+"/x.pid")
	arm(t, w)
	for range events/2 + 2 { // of the same kind, one after the other, they are one
		must.Do(t, os.Chmod(dir+"/neighbour", 0o600), os.Chmod(dir+"/other", 0o600))
	}
	must.Write(t, dir+"/x.pid", "1")
	until := time.Now().Add(waiting.Limit)
	if w.Await(waiting.Context(t, until), nil); !time.Now().Before(until) {
		t.Error("events were lost, and nobody was told")
	}
}

// Too many instances of inotify, a filter: then it looks again every now and then.
func TestWatchBlind(t *testing.T) {
	dir := t.TempDir()
	for name, w := range map[string]*Watch{
		"no inotify": {path: dir + "/x.pid", fd: -1},
		// ELOOP, as EACCES for those who are not root.
		"not on the way": watching(t, dir+"/loop/x.pid"),
	} {
		if name != "no inotify" {
			must.Do(t, os.Symlink("loop", dir+"/loop"))
		}
		w.Arm()
		until := time.Now().Add(waiting.Limit)
		if w.Await(waiting.Context(t, until), nil); !w.blind || !time.Now().Before(until) {
			t.Errorf("%s: blind %v, and did not return before its time", name, w.blind)
		}
		w.Close()
		w.fd = -1
	}
}

func TestWatchTellsOfProcesses(t *testing.T) {
	for name, s := range systems() {
		t.Run(name, func(t *testing.T) {
			c := child.Start(t)
			must.Do(t, s.Open())
			p, _, err := s.Pin(c.PID)
			must.Do(t, err)
			defer p.Release()
			_, err = s.Collect(p)
			must.Do(t, err)
			w := watching(t, filepath.Join(t.TempDir(), "x.pid"))
			arm(t, w)
			ended := make(chan struct{})
			go func() { defer close(ended); c.End() }()
			until := time.Now().Add(waiting.Limit)
			for !p.Over() && time.Now().Before(until) {
				w.Await(waiting.Context(t, until), []*Handle{p})
			}
			if !p.Over() || !time.Now().Before(until) {
				t.Error("its end was not noticed")
			}
			<-ended
		})
	}
}

// Until the time has come, and not longer: a neighbour's files do not end it, and
// do not keep it.
func TestWatchKeepsTheTime(t *testing.T) {
	dir := t.TempDir()
	w := watching(t, dir+"/x.pid")
	arm(t, w)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				must.Write(t, dir+"/neighbour", "2")
			}
		}
	}()
	until := time.Now().Add(50 * time.Millisecond)
	w.Await(waiting.Context(t, until), nil)
	if time.Now().Before(until) {
		t.Error("it came back early")
	}
	close(stop)
	<-stopped
	w.Await(waiting.Context(t, time.Now().Add(-time.Hour)), nil)
}

func TestWatchClosedTwice(t *testing.T) {
	w := NewWatch("/run/x.pid")
	w.Close()
	mine, err := os.Open("/")
	must.Do(t, err)
	defer mine.Close()
	w.Close()
	if _, err := mine.Stat(); err != nil {
		t.Errorf("another's descriptor was closed: %v", err)
	}
}

// inotifyEvent is struct inotify_event, its name padded with NULs.
func inotifyEvent(wd int32, mask uint32, name string) []byte {
	padded := []byte(name)
	if name != "" {
		padded = append(padded, make([]byte, 16-len(name)%16)...)
	}
	event := make([]byte, unix.SizeofInotifyEvent)
	binary.NativeEndian.PutUint32(event, uint32(wd))
	binary.NativeEndian.PutUint32(event[4:], mask)
	binary.NativeEndian.PutUint32(event[12:], uint32(len(padded)))
	return append(event, padded...)
}

var inotifyCases = []struct {
	name   string
	events []byte
	want   bool
}{
	{"none", nil, false},
	{"the pidfile", inotifyEvent(1, unix.IN_CREATE, "x.pid"), true},
	{"the pidfile's name in another directory", inotifyEvent(2, unix.IN_CREATE, "x.pid"), false},
	{"the directory's name", inotifyEvent(2, unix.IN_CREATE|unix.IN_ISDIR, "run"), true},
	{"another file", inotifyEvent(1, unix.IN_CREATE, "x.pid.new"), false},
	{"a directory where every name matters", inotifyEvent(3, unix.IN_CREATE, "any"), true},
	{"a directory that was watched once", inotifyEvent(9, unix.IN_CREATE, "x.pid"), false},
	{"a directory that is gone", inotifyEvent(1, unix.IN_IGNORED, ""), true},
	{"the queue ran over", inotifyEvent(-1, unix.IN_Q_OVERFLOW, ""), true},
	{"the last of several", bytes.Join([][]byte{
		inotifyEvent(1, unix.IN_CREATE, "a name of more than sixteen bytes"),
		inotifyEvent(9, unix.IN_MODIFY, "b"), inotifyEvent(1, unix.IN_MODIFY, "x.pid"),
	}, nil), true},
}

func watchedForParsing() *Watch {
	return &Watch{watched: map[int][]string{1: {"x.pid"}, 2: {"run"}, 3: {"x.pid", "any"}}, fd: -1}
}

func TestInotifyEvents(t *testing.T) {
	for _, c := range inotifyCases {
		if got := watchedForParsing().any(c.events); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// Whatever comes is either taken apart or taken for a reason to look.
func FuzzInotifyEvents(f *testing.F) {
	for _, c := range inotifyCases {
		f.Add(c.events)
	}
	f.Add(inotifyEvent(1, unix.IN_CREATE, "cut off")[:20])
	f.Add([]byte{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 'x'})
	f.Fuzz(func(t *testing.T, events []byte) {
		w := watchedForParsing()
		got := w.any(events)
		// An event of the pidfile in front is never overlooked, whatever follows.
		if front := append(inotifyEvent(1, unix.IN_MODIFY, "x.pid"), events...); !w.any(front) {
			t.Fatalf("%q hid the pidfile", events)
		}
		if behind := append(inotifyEvent(9, unix.IN_MODIFY, "other"), events...); w.any(behind) != got {
			t.Fatalf("%q: %v, but %v behind another event", events, got, !got)
		}
	})
}
