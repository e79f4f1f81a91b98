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

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

// wanted are the daemons that one look at all processes is about.
type wanted struct {
	*host
	daemons []rules.Daemon
	byPath  map[string][]int // places in daemons, by Path and Real
	byFile  map[fact.FileID][]int
	byName  map[string][]int // by the last part of Real, and of Path
	scripts []int
	linked  bool // one has further hard links

	// moved: also those whose file has been renamed since they started are looked for.
	moved bool
	// former: also interpreters that were given a daemon's path, whatever lies there today.
	former bool

	sinceOnce sync.Once
	since     time.Time
	sinceErr  error

	sights sync.RWMutex
	seen   map[string]sight // by exe link
}

func (h *host) want(daemons []rules.Daemon, moved bool) *wanted {
	w := &wanted{host: h, moved: moved, daemons: daemons, byPath: map[string][]int{}, byFile: map[fact.FileID][]int{}, byName: map[string][]int{}, seen: map[string]sight{}}
	for i, d := range daemons {
		if d.Unnamed() { // nothing runs it
			continue
		}
		w.byPath[d.Path] = append(w.byPath[d.Path], i)
		if d.Real != d.Path {
			w.byPath[d.Real] = append(w.byPath[d.Real], i)
		}
		w.byName[d.RealBase()] = append(w.byName[d.RealBase()], i)
		if d.Aliased() {
			w.byName[d.Base()] = append(w.byName[d.Base()], i)
		}
		if d.File.State == fact.Known {
			w.byFile[d.File.Value] = append(w.byFile[d.File.Value], i)
		}
		if d.Script != nil {
			w.scripts = append(w.scripts, i)
		}
		w.linked = w.linked || d.Links > 1
	}
	mayBeGone := w.moved && w.mayBeGone()
	w.former = w.moved && (mayBeGone || len(w.scripts) > 0)
	w.moved = mayBeGone
	return w
}

// mayBeMoved reports that a file may have been renamed since a process was started from it,
// and is one of those that a daemon may be: root's, or its owner's.
func (w *wanted) mayBeMoved(st unix.Statx_t) bool {
	if st.Uid != 0 && !slices.ContainsFunc(w.daemons, func(d rules.Daemon) bool { return d.Owner == int(st.Uid) }) {
		return false
	}
	since, err := w.begin()
	return err != nil || kernel.TimeOf(st.Ctime).After(since) && !kernel.AsCreated(st)
}

// begin is just before the first process of this system started.
func (w *wanted) begin() (time.Time, error) {
	w.sinceOnce.Do(func() {
		w.since, w.sinceErr = w.began()
		w.since = w.since.Add(-rules.StartSlack)
	})
	return w.since, w.sinceErr
}

// mayBeGone reports that a name in the directory of one of the daemons was changed since
// this system started. Else none was renamed.
func (w *wanted) mayBeGone() bool {
	since, err := w.begin()
	return err != nil || slices.ContainsFunc(w.daemons, func(d rules.Daemon) bool { return d.Path != d.Real || d.Changed.IsZero() || d.Changed.After(since) })
}

// sight is what an exe link says of the processes that have it.
type sight int

const (
	sightRuns  sight = 1 << iota // they may run one of the daemons
	sightFile                    // the file behind it decides
	sightArgv                    // the file may have been renamed: what they were started as decides
	sightGiven                   // an interpreter: what it was given decides
)

// look is the first look at a process, which goes to all of them: at the exe link
// alone, proc being a descriptor of /proc.
func (w *wanted) look(proc, pid int) (bool, error) {
	var short [256]byte
	link, err := kernel.ExeLink(proc, pid, short[:])
	if err == unix.EACCES && os.Geteuid() == 0 { // in a container
		link, err = w.linkAsItsUser(proc, pid)
	}
	switch {
	case len(w.byPath) == 0:
		return false, nil
	case fact.Vanished(err):
		return w.headless(pid)
	case err == unix.ENAMETOOLONG:
		return w.runsFile(pid), nil
	case err != nil:
		return w.nameMayFit(pid)
	}
	s := w.sight(link)
	return s&sightRuns != 0 || s&sightFile != 0 && w.runsFile(pid) || s&(sightArgv|sightGiven) != 0 && w.startedAsOne(proc, pid, s&sightGiven != 0), nil
}

// linkAsItsUser is a function of its own so that look's variables stay on the stack.
func (w *wanted) linkAsItsUser(proc, pid int) (link []byte, err error) {
	err = unix.EACCES
	status, statusErr := w.ReadStatus(pid)
	if statusErr == nil {
		kernel.AsItsUser(status, func() { link, err = kernel.ExeLink(proc, pid, make([]byte, 256)) })
	}
	return link, err
}

// headless tells of a process without an exe link whether it lives: it is neither a
// kernel thread nor a zombie nor ending, but its first thread ended before the others, or
// another of them just replaces its program, execve(2).
func (h *host) headless(pid int) (bool, error) {
	stat, err := h.ReadStatOfLiving(pid)
	if err != nil {
		return h.Unforeseen(err) != nil, nil
	}
	return !kernel.HasEnded(stat) && stat.Flags&kernel.KernelThread == 0 && (stat.Threads > 1 || stat.Flags&kernel.Exiting == 0), nil
}

func (w *wanted) sight(link []byte) sight {
	w.sights.RLock()
	s, known := w.seen[string(link)]
	w.sights.RUnlock()
	if !known {
		s = w.classify(string(link))
		w.sights.Lock()
		if len(w.seen) < sightsLimit && len(link) <= longestLook {
			w.seen[string(link)] = s
		}
		w.sights.Unlock()
	}
	return s
}

// sightsLimit is how many links are remembered: anybody may have as many as he likes.
const sightsLimit = 4096

// longestLook is how long the path of an executable may be that is looked up: each of its
// directories is opened, and anybody may have as many as he likes.
const longestLook = 1024

func (w *wanted) classify(link string) (s sight) {
	base := link[strings.LastIndexByte(link, '/')+1:]
	paths := rules.PathsOf(fact.Exe{Link: link})
	for _, d := range w.daemons {
		if !d.Unnamed() && (strings.HasPrefix(base, d.Base()) || strings.HasPrefix(base, d.RealBase()) || d.Script != nil && slices.ContainsFunc(paths, d.Script.LiesAt)) {
			return sightRuns
		}
	}
	if w.former && rules.RunsScripts(fact.Exe{Link: link}) {
		s |= sightGiven
	}
	// Another name of the same file, through a hard link, perhaps of the past.
	if w.linked {
		s |= sightFile
	}
	if strings.HasSuffix(link, fact.Deleted) || !filepath.IsAbs(link) || len(link) > longestLook {
		return w.perhaps(s | sightFile | sightArgv)
	}
	st, err := w.Look(link, 0, kernel.IdentityMask|unix.STATX_UID|kernel.TimesMask)
	switch {
	case err != nil: // a name in another mount tree, or one that nobody reads
		return w.perhaps(s | sightFile | sightArgv)
	case len(w.byFile[kernel.IdOf(st)]) > 0: // through the source of a bind mount
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

// runsFile reports that the file of a process is one of the daemons', or cannot be told: not
// of one either that has just lost its first thread, or has ended.
func (w *wanted) runsFile(pid int) bool {
	file := kernel.Identify(w.PidPath(pid, "exe"))
	return len(w.byFile[file.Value]) > 0 || file.State != fact.Known
}

// startedAsOne reports that a process was started under the path or name of one of the
// daemons, or as an interpreter may have been given it, or cannot be told. There may be
// thousands to be asked, so little is read.
func (w *wanted) startedAsOne(proc, pid int, given bool) bool {
	if w.Silent(pid) {
		return true
	}
	var head [512]byte
	fd, err := openHere(proc, strconv.Itoa(pid)+"/cmdline", 0)
	if err != nil {
		return !fact.Vanished(err)
	}
	defer unix.Close(fd)
	n, err := kernel.Retried(func() (int, error) { return unix.Read(fd, head[:]) })
	if err != nil {
		return !fact.Vanished(err)
	}
	if n == 0 { // it is in the middle of execve(2), or has just lost its first thread
		return true
	}
	words := strings.Split(string(head[:n]), "\x00")
	if n == len(head) && (given || len(words) == 1) {
		return true
	}
	return len(w.startedAs(words[:1])) > 0 || given && slices.ContainsFunc(words[1:], func(word string) bool { return len(w.given(word)) > 0 })
}

// given are the daemons whose path, or another path of whose directory, a word may be.
func (w *wanted) given(word string) (places []int) {
	places = w.byPath[filepath.Clean(word)]
	if same := w.byName[filepath.Base(word)]; len(places) == 0 && len(same) <= namesakes {
		places = same
	}
	return places
}

// startedAs are the daemons whose path is argv[0], or whose name if that is no absolute
// path, or may be another path of the daemon's directory.
func (w *wanted) startedAs(argv []string) (places []int) {
	word := rules.Argv0(argv)
	if filepath.IsAbs(word) {
		return w.given(word)
	}
	name := rules.Argv0Base(argv)
	for i, d := range w.daemons {
		if name != "" && !d.Unnamed() && (name == d.Base() || name == d.RealBase()) {
			places = append(places, i)
		}
	}
	return places
}

// nameMayFit is nameFits for any of the daemons.
func (w *wanted) nameMayFit(pid int) (bool, error) {
	stat, err := w.ReadStat(pid)
	if err != nil { // one that hides even its name may be anything
		return !fact.Vanished(err), nil
	}
	if stat.Flags&kernel.KernelThread != 0 {
		return false, nil
	}
	argv := w.ReadArgvNow(pid) // anybody may read it, and few daemons change both
	return len(w.named(stat.Comm, argv)) > 0, nil
}

// named are the daemons that a process may run whose executable we may not see.
func (w *wanted) named(comm string, argv fact.Fact[[]string]) (places []int) {
	for i, d := range w.daemons {
		if d.NameFits(comm, argv) || os.Geteuid() == 0 && !d.Unnamed() && w.maybeUnderAnotherName(d, comm, argv.Value) {
			places = append(places, i)
		}
	}
	return places
}

// maybeUnderAnotherName reports that a process, which says by which name it was started,
// may have been started from the daemon's file by it: there is no other file of that name.
// Root is not content with a name that does not fit, where another link may have led to the
// daemon and is gone.
func (h *host) maybeUnderAnotherName(d rules.Daemon, comm string, argv []string) bool {
	name, path := rules.Argv0Base(argv), rules.Argv0(argv)
	if !rules.Bears(comm, name) {
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
	file := h.LookFor(path, kernel.MaxLinks)
	return file.State != fact.Known || file.Value == d.File.Value
}

// of are the daemons that a process may run, by what was collected of it: of all others it
// is none, whatever the rules would say further.
func (w *wanted) of(e *fact.Evidence) (places []int) {
	if e.Exe.State == fact.Unreadable && errors.Is(e.Exe.Err, fs.ErrPermission) {
		e.Argv = w.ReadArgv(e.PID)
		return w.named(e.Comm, e.Argv)
	}
	if e.Exe.State != fact.Known || !e.Exe.Value.ID.Known() || e.Torn {
		return w.all()
	}
	x := e.Exe.Value
	for _, path := range rules.PathsOf(x) {
		places = append(places, w.byPath[path]...)
		// By another path, as through a bind mount, it may be any of that name.
		if same := w.byName[filepath.Base(path)]; len(same) <= namesakes {
			places = append(places, same...)
		}
	}
	if same := w.byFile[x.ID]; len(same) <= namesakes {
		places = append(places, same...)
	}
	for _, i := range w.scripts {
		if w.daemons[i].Script.Interprets(x) {
			places = append(places, i)
		}
	}
	if len(places) == 0 || len(w.daemons) > 1 {
		e.Argv = w.ReadArgv(e.PID)
		if e.Argv.State == fact.Unreadable {
			return w.all()
		}
		places = append(places, w.startedAs(e.Argv.Value)...)
		if w.former && rules.RunsScripts(x) {
			for _, word := range (rules.Daemon{}).ScriptWords(*e) {
				places = append(places, w.given(word)...)
			}
		}
		if len(w.daemons) > 1 {
			places = slices.DeleteFunc(places, func(i int) bool { return w.interpretsAnother(w.daemons[i], *e) })
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// namesakes is of how many daemons that are hard links to one file each process of that file
// is judged. Of more it is those by whose path or name it was started: anybody can make a
// thousand links to his program, and run it as often.
const namesakes = 4

// interpretsAnother reports of one of many interpreters that nothing in its arguments is
// like the name of the script.
func (w *wanted) interpretsAnother(d rules.Daemon, e fact.Evidence) bool {
	if d.Script == nil || !d.Script.Interprets(e.Exe.Value) || d.GoesBy(e.Comm) || e.Exe.Value.ID == d.File.Value || d.Aliased() {
		return false
	}
	return !slices.ContainsFunc(e.Argv.Value, func(word string) bool { return strings.Contains(word, d.Base()) })
}

func (w *wanted) all() []int {
	places := make([]int, len(w.daemons))
	for i := range places {
		places[i] = i
	}
	return places
}
