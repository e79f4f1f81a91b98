package kernel

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// blindTick is how often to look again where inotify(7) cannot tell.
const blindTick = 50 * time.Millisecond

// Watch tells when the answer about a pidfile may have changed: inotify(7) on
// each directory on the way to it, so that neither the file nor its directory
// needs to be there yet. fsnotify has a goroutine and a channel for its events, which
// poll(2) cannot await beside pidfds.
type Watch struct {
	path    string
	fd      int              // -1: no inotify to be had
	watched map[int][]string // watch descriptor → the names in it that matter
	blind   bool             // something on the way cannot be watched
}

// NewWatch watches nothing yet: see arm.
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
		w.fd = -1
	}
}

// Arm watches what is on the way to the pidfile now. It comes before looking:
// what changes after the look is an event then. Directories that are watched
// already stay so.
func (w *Watch) Arm() {
	w.watched, w.blind = map[int][]string{}, w.fd < 0
	if !w.blind {
		w.way()
	}
}

// way watches each directory that the kernel goes through (path_resolution(7)),
// links and all. From the top: what is made meanwhile is an event above it, or
// is found.
func (w *Watch) way() {
	dir, todo := ".", strings.Split(w.path, "/")
	if filepath.IsAbs(w.path) {
		dir = "/"
	}
	for links := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			dir += "/.."
			continue
		}
		if !w.directory(dir, name, len(todo) == 0) {
			return
		}
		target, err := os.Readlink(dir + "/" + name)
		if err != nil { // no link, or not there
			dir += "/" + name
			continue
		}
		if links++; links > MaxLinks {
			w.blind = true
			return
		}
		if filepath.IsAbs(target) {
			dir = "/"
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
}

// directory reports that there may be more below it. What is written matters in
// the last one only.
func (w *Watch) directory(dir, name string, last bool) bool {
	var events uint32 = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_ONLYDIR | unix.IN_MASK_ADD
	if last {
		events |= unix.IN_MODIFY | unix.IN_CLOSE_WRITE | unix.IN_ATTRIB
	}
	wd, err := unix.InotifyAddWatch(w.fd, dir, events)
	switch {
	case fact.Vanished(err), err == unix.ENOTDIR:
		return false // the directory above tells when it comes
	case err != nil: // unreadable, or too many watches
		w.blind = true
		return true
	}
	w.watched[wd] = append(w.watched[wd], name)
	return true
}

// Await waits until the pidfile may have changed, or one of these held processes
// ends, or ctx does.
func (w *Watch) Await(ctx context.Context, of []*Handle) {
	if w.blind {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, blindTick)
		defer cancel()
	}
	for ctx.Err() == nil {
		if !AwaitEvent(ctx, of, w.fd) || w.concerned() || slices.ContainsFunc(of, (*Handle).Over) {
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
		size := binary.NativeEndian.Uint32(events[12:])
		if uint64(len(events)-header) < uint64(size) {
			return true
		}
		name := strings.TrimRight(string(events[header:header+int(size)]), "\x00")
		events = events[header+int(size):]
		// IN_IGNORED, IN_UNMOUNT and IN_Q_OVERFLOW have no name.
		if name == "" || slices.Contains(w.watched[wd], name) {
			return true
		}
	}
	return false
}
