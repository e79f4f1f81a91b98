package matcher

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// blindTick is how often to look again where inotify(7) cannot tell.
const blindTick = 50 * time.Millisecond

// Watch tells when the answer about a pidfile may have changed: inotify(7) on
// each directory on the way to it, so that neither the file nor its directory
// needs to be there yet.
type Watch struct {
	path    string
	fd      int            // -1: no inotify to be had
	watched map[int]string // watch descriptor → the name in it that matters
	blind   bool           // something on the way cannot be watched
}

// NewWatch watches nothing yet: see Arm.
func NewWatch(pidfile string) *Watch {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil { // too many instances of this user's, a filter
		fd = -1
	}
	return &Watch{path: pidfile, fd: fd}
}

// Close ends the watch.
func (w *Watch) Close() {
	if w.fd >= 0 {
		unix.Close(w.fd)
	}
}

// Arm watches what is on the way to the pidfile now. It comes before looking:
// what changes after the look is an event then. Directories that are watched
// already stay so.
func (w *Watch) Arm() {
	w.watched, w.blind = map[int]string{}, w.fd < 0
	if w.blind {
		return
	}
	w.way(w.path)
	if target, err := os.Readlink(w.path); err == nil {
		if !filepath.IsAbs(target) {
			target = filepath.Dir(w.path) + "/" + target
		}
		w.way(target)
	}
}

// way watches each directory above path that exists.
func (w *Watch) way(path string) {
	for path != "/" && path != "." {
		// As text, for once: a link on the way leads to the directory that is watched.
		dir, name := filepath.Dir(path), filepath.Base(path)
		w.directory(dir, name)
		path = dir
	}
}

func (w *Watch) directory(dir, name string) {
	const events = unix.IN_CREATE | unix.IN_MODIFY | unix.IN_CLOSE_WRITE | unix.IN_ATTRIB | unix.IN_DELETE |
		unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_ONLYDIR
	wd, err := unix.InotifyAddWatch(w.fd, dir, events)
	switch {
	case vanished(err), err == unix.ENOTDIR:
		// A directory further up tells when it comes.
	case err != nil: // unreadable, or too many watches
		w.blind = true
	case w.watched[wd] != "" && w.watched[wd] != name:
		w.watched[wd] = anyName // /run, reached as /run and as /var/run
	default:
		w.watched[wd] = name
	}
}

// anyName: every name in the directory matters.
const anyName = "/"

// Await waits until the pidfile may have changed, or one of these held processes
// ends, and at most until then.
func (w *Watch) Await(of []*Process, until time.Time) {
	if w.blind {
		until = earlier(until, time.Now().Add(blindTick))
	}
	for time.Now().Before(until) {
		if !awaitEvent(of, w.fd, until) || w.concerned() || len(living(of)) < len(of) {
			return
		}
	}
}

// concerned reads events that have come, and says whether one is about the
// pidfile or its way. One read only: a busy neighbour must not keep us from
// looking at the clock.
func (w *Watch) concerned() bool {
	buffer := make([]byte, 64*1024)
	n, err := unix.Read(w.fd, buffer)
	return err == nil && n > 0 && w.any(buffer[:n])
}

// any takes events apart: struct inotify_event of inotify(7).
func (w *Watch) any(events []byte) bool {
	const header = unix.SizeofInotifyEvent
	for len(events) >= header {
		wd := int(int32(binary.NativeEndian.Uint32(events)))
		mask, size := binary.NativeEndian.Uint32(events[4:]), int(binary.NativeEndian.Uint32(events[12:]))
		if len(events) < header+size {
			return true
		}
		name := strings.TrimRight(string(events[header:header+size]), "\x00")
		events = events[header+size:]
		// IN_IGNORED, IN_UNMOUNT and IN_Q_OVERFLOW have no name.
		if matters := w.watched[wd]; name == matters || matters == anyName || name == "" || mask&unix.IN_Q_OVERFLOW != 0 {
			return true
		}
	}
	return false
}
