package matcher

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// wanted are the daemons that one look at all processes is about.
type wanted struct {
	*host
	daemons []Daemon
	byPath  map[string][]int // places in daemons, by Path and Real
	byFile  map[FileID][]int
	scripts []int
	linked  bool // one has further hard links

	// moved: also those whose file has been renamed since they started are looked for.
	moved bool

	sinceOnce sync.Once
	since     time.Time
	sinceErr  error

	sights sync.RWMutex
	seen   map[string]sight // by exe link
}

func (h *host) want(daemons []Daemon, moved bool) *wanted {
	w := &wanted{host: h, moved: moved, daemons: daemons, byPath: map[string][]int{}, byFile: map[FileID][]int{}, seen: map[string]sight{}}
	for i, d := range daemons {
		if d.unnamed() { // nothing runs it
			continue
		}
		w.byPath[d.Path] = append(w.byPath[d.Path], i)
		if d.Real != d.Path {
			w.byPath[d.Real] = append(w.byPath[d.Real], i)
		}
		if d.File.State == Known {
			w.byFile[d.File.Value] = append(w.byFile[d.File.Value], i)
		}
		if d.Script != nil {
			w.scripts = append(w.scripts, i)
		}
		w.linked = w.linked || d.Links > 1
	}
	w.moved = w.moved && w.mayBeGone()
	return w
}

// mayBeMoved reports that a file may have been renamed since a process was started from it,
// and is one of those that a daemon may be: root's, or its owner's.
func (w *wanted) mayBeMoved(st unix.Statx_t) bool {
	if st.Uid != 0 && !slices.ContainsFunc(w.daemons, func(d Daemon) bool { return d.Owner == int(st.Uid) }) {
		return false
	}
	since, err := w.begin()
	return err != nil || timeOf(st.Ctime).After(since)
}

// begin is just before the first process of this system started.
func (w *wanted) begin() (time.Time, error) {
	w.sinceOnce.Do(func() {
		w.since, w.sinceErr = w.began()
		w.since = w.since.Add(-startSlack)
	})
	return w.since, w.sinceErr
}

// mayBeGone reports that a name in the directory of one of the daemons was changed since
// this system started. Else none was renamed.
func (w *wanted) mayBeGone() bool {
	since, err := w.begin()
	return err != nil || slices.ContainsFunc(w.daemons, func(d Daemon) bool { return d.Path != d.Real || d.changed.IsZero() || d.changed.After(since) })
}

// sight is what an exe link says of the processes that have it.
type sight int

const (
	sightRuns sight = 1 << iota // they may run one of the daemons
	sightFile                   // the file behind it decides
	sightArgv                   // the file may have been renamed: what they were started as decides
)

// look is the first look at a process, which goes to all of them: at the exe link
// alone, proc being a descriptor of /proc.
func (w *wanted) look(proc, pid int) (bool, error) {
	var short [256]byte
	link, err := exeLink(proc, pid, short[:])
	if err == unix.EACCES && os.Geteuid() == 0 { // in a container
		link, err = w.linkAsItsUser(proc, pid)
	}
	switch {
	case len(w.byPath) == 0:
		return false, nil
	case vanished(err):
		return w.headless(pid)
	case err == unix.ENAMETOOLONG:
		return w.runsFile(pid), nil
	case err != nil:
		return w.nameMayFit(pid)
	}
	s := w.sight(link)
	return s&sightRuns != 0 || s&sightFile != 0 && w.runsFile(pid) || s&sightArgv != 0 && w.startedAsOne(proc, pid), nil
}

// linkAsItsUser is a function of its own so that look's variables stay on the stack.
func (w *wanted) linkAsItsUser(proc, pid int) (link []byte, err error) {
	err = unix.EACCES
	status, statusErr := w.readStatus(pid)
	if statusErr == nil {
		asItsUser(status, func() { link, err = exeLink(proc, pid, make([]byte, 256)) })
	}
	return link, err
}

// headless tells of a process without an exe link whether it lives: it is neither a
// kernel thread nor a zombie nor ending, but its first thread ended before the others, or
// another of them just replaces its program, execve(2).
func (h *host) headless(pid int) (bool, error) {
	stat, err := h.readStat(pid)
	if err != nil {
		return h.unforeseen(err) != nil, nil
	}
	return !hasEnded(stat) && stat.Flags&kernelThread == 0 && (stat.Threads > 1 || stat.Flags&exiting == 0), nil
}

func (w *wanted) sight(link []byte) sight {
	w.sights.RLock()
	s, known := w.seen[string(link)]
	w.sights.RUnlock()
	if !known {
		s = w.classify(string(link))
		w.sights.Lock()
		w.seen[string(link)] = s
		w.sights.Unlock()
	}
	return s
}

func (w *wanted) classify(link string) (s sight) {
	base := link[strings.LastIndexByte(link, '/')+1:]
	for _, d := range w.daemons {
		if !d.unnamed() && (strings.HasPrefix(base, d.base()) || strings.HasPrefix(base, d.realBase()) || d.Script != nil && d.Script.named(base)) {
			return sightRuns
		}
	}
	// Another name of the same file, through a hard link, perhaps of the past.
	if w.linked {
		s |= sightFile
	}
	if _, mayHang := w.mayHang(link); mayHang || strings.HasSuffix(link, deleted) || !filepath.IsAbs(link) {
		return w.perhaps(s | sightFile | sightArgv)
	}
	st, err := statxAt(unix.AT_FDCWD, link, unix.AT_SYMLINK_NOFOLLOW, identityMask|unix.STATX_UID|unix.STATX_CTIME)
	switch {
	case err != nil: // a name in another mount tree, or one that nobody reads
		return w.perhaps(s | sightFile | sightArgv)
	case len(w.byFile[idOf(st)]) > 0: // through the source of a bind mount
		return sightRuns
	case w.moved && w.mayBeMoved(st):
		s |= sightArgv
	}
	return w.perhaps(s)
}

// perhaps leaves out what is not asked for.
func (w *wanted) perhaps(s sight) sight {
	if !w.moved {
		s &^= sightArgv
	}
	return s
}

// runsFile reports that the file of a process is one of the daemons', or cannot be told.
func (w *wanted) runsFile(pid int) bool {
	file := identify(w.pidPath(pid, "exe"))
	return len(w.byFile[file.Value]) > 0 || file.State == Unreadable
}

// startedAsOne reports that a process was started under the path or name of one of the
// daemons, or cannot be told. There may be thousands to be asked, so little is read.
func (w *wanted) startedAsOne(proc, pid int) bool {
	var head [512]byte
	fd, err := openHere(proc, strconv.Itoa(pid)+"/cmdline", 0)
	if err != nil {
		return !vanished(err)
	}
	defer unix.Close(fd)
	n, err := retried(func() (int, error) { return unix.Read(fd, head[:]) })
	if err != nil {
		return !vanished(err)
	}
	word, _, whole := strings.Cut(string(head[:n]), "\x00")
	if n == len(head) && !whole {
		return true
	}
	return len(w.startedAs([]string{word})) > 0
}

// startedAs are the daemons whose path is argv[0], or whose name if that is no absolute
// path.
func (w *wanted) startedAs(argv []string) (places []int) {
	word := argv0(argv)
	if filepath.IsAbs(word) {
		return w.byPath[filepath.Clean(word)]
	}
	name := argv0Base(argv)
	for i, d := range w.daemons {
		if name != "" && !d.unnamed() && (name == d.base() || name == d.realBase()) {
			places = append(places, i)
		}
	}
	return places
}

// nameMayFit is nameFits for any of the daemons.
func (w *wanted) nameMayFit(pid int) (bool, error) {
	stat, err := w.readStat(pid)
	if err != nil { // one that hides even its name may be anything
		return !vanished(err), nil
	}
	if stat.Flags&kernelThread != 0 {
		return false, nil
	}
	argv := w.readArgvNow(pid) // anybody may read it, and few daemons change both
	return len(w.named(stat.Comm, argv)) > 0, nil
}

// named are the daemons that a process may run whose executable we may not see.
func (w *wanted) named(comm string, argv Fact[[]string]) (places []int) {
	for i, d := range w.daemons {
		if d.nameFits(comm, argv) || os.Geteuid() == 0 && !d.unnamed() && w.maybeUnderAnotherName(d, comm, argv.Value) {
			places = append(places, i)
		}
	}
	return places
}

// maybeUnderAnotherName reports that a process, which says by which name it was started,
// may have been started from the daemon's file by it: there is no other file of that name.
// Root is not content with a name that does not fit, where another link may have led to the
// daemon and is gone.
func (h *host) maybeUnderAnotherName(d Daemon, comm string, argv []string) bool {
	name, path := argv0Base(argv), argv0(argv)
	if !bears(comm, name) {
		return false // a title
	}
	if !strings.Contains(path, "/") {
		var err error
		if path, err = h.lookPath(name); err != nil {
			return true
		}
	}
	if !filepath.IsAbs(path) {
		return true
	}
	if _, mayHang := h.mayHang(path); mayHang {
		return true
	}
	file := identify(path)
	return file.State != Known || file.Value == d.File.Value
}

// of are the daemons that a process may run, by what was collected of it: of all others it
// is none, whatever the rules would say further.
func (w *wanted) of(e *Evidence) (places []int) {
	if e.Exe.State == Unreadable && errors.Is(e.Exe.Err, fs.ErrPermission) {
		e.Argv = w.readArgv(e.PID)
		return w.named(e.Comm, e.Argv)
	}
	if e.Exe.State != Known || !e.Exe.Value.ID.Known() || e.torn {
		return w.all()
	}
	x := e.Exe.Value
	for _, path := range pathsOf(x) {
		places = append(places, w.byPath[path]...)
	}
	places = append(places, w.byFile[x.ID]...)
	for _, i := range w.scripts {
		if w.daemons[i].Script.interprets(x) {
			places = append(places, i)
		}
	}
	if len(places) == 0 || len(w.daemons) > 1 {
		e.Argv = w.readArgv(e.PID)
		if e.Argv.State == Unreadable {
			return w.all()
		}
		places = append(places, w.startedAs(e.Argv.Value)...)
		if len(w.daemons) > 1 {
			places = slices.DeleteFunc(places, func(i int) bool { return w.interpretsAnother(w.daemons[i], *e) })
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// interpretsAnother reports of one of many interpreters that nothing in its arguments is
// like the name of the script.
func (w *wanted) interpretsAnother(d Daemon, e Evidence) bool {
	if d.Script == nil || !d.Script.interprets(e.Exe.Value) || d.goesBy(e.Comm) || e.Exe.Value.ID == d.File.Value || d.aliased() {
		return false
	}
	return !slices.ContainsFunc(e.Argv.Value, func(word string) bool { return strings.Contains(word, d.base()) })
}

func (w *wanted) all() []int {
	places := make([]int, len(w.daemons))
	for i := range places {
		places[i] = i
	}
	return places
}
