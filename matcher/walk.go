package matcher

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
	"pidproof/matcher/internal/rules"
)

const (
	// runLevels is how deep pidfiles lie under /run: /run/crond.pid,
	// /run/apache2/apache2.pid, /run/openvpn/server/office.pid.
	runLevels = 3
	// usersLimit is how many files of one user are read, and how many entries of his
	// directories are looked at (/run/user/UID, /run/mysqld). What is beyond it is missed
	// for him alone: a pidfile speaks for its owner's processes only.
	usersLimit = 1024
	// sharedLimit is of all users together where each can put something: one may have 65,536
	// numbers (subuid(5)). What root gave somebody (/run/mysqld) is not of it: nobody else's
	// files may keep us from reading there.
	sharedLimit = 3 * usersLimit
)

// pidfileWalk gathers the pidfiles under the run directories, and the registered ones.
type pidfileWalk struct {
	h           *host
	spent       map[quota]int // of usersLimit
	sharedSpent int           // of sharedLimit
	seen        map[fact.FileID]bool
	served      map[string]string // mount points that may hang
	all         []rules.Pidfile   // also those that name nobody
	byPID       map[int][]int     // places in all
	everyones   map[string]bool   // paths of those below a directory that everyone may write

	stuck map[int]bool // whose directories are never listed, by account

	missed   int         // what could not be read, where only root writes
	missedOf map[int]int // what was too much, by uid
	failure  error       // the first that says nothing of what could not be read
}

// quota is whose usersLimit it is: what lies below a directory of everyone's counts apart
// from what root gave him.
type quota struct {
	uid    int
	shared bool
}

// walk reads every pidfile under the run directories, and the registered ones, once for a
// question. It never looks at /proc.
func (h *host) walk() *pidfileWalk {
	h.walkOnce.Do(func() {
		w := &pidfileWalk{h: h, spent: map[quota]int{}, seen: map[fact.FileID]bool{}, byPID: map[int][]int{}, missedOf: map[int]int{}, stuck: map[int]bool{}, everyones: map[string]bool{}}
		w.everything()
		h.walked = w
	})
	return h.walked
}

func (w *pidfileWalk) everything() {
	var err error
	if w.served, err = w.h.Served(); err != nil {
		w.miss(err)
	}
	for _, dir := range w.h.run {
		fd, at, err := w.h.OpenStep(unix.AT_FDCWD, dir, unix.O_DIRECTORY, kernel.Entered{}, 0)
		if err != nil {
			w.miss(err)
			continue
		}
		if !w.seen[at.ID] { // /var/run is a link to /run
			w.seen[at.ID] = true
			w.directory(openDirectory{fd: fd, at: at, path: dir}, runLevels)
		}
		unix.Close(fd)
	}
	if w.h.registered != nil {
		paths, missed := w.h.registered()
		w.missed += missed
		for _, path := range paths {
			w.named(path)
		}
	}
	for _, path := range w.h.further { // of which nobody says that they are pidfiles, or are there
		if p := w.h.readEntering(path); p.State != rules.PidfileUnusable {
			w.add(p)
		}
	}
	for i, p := range w.all {
		if p.State != rules.PidfileNames {
			continue
		}
		w.byPID[p.PID] = append(w.byPID[p.PID], i)
		for n, pid := range p.Numbers().All()[1:] {
			if !w.pay(p.Owner, w.everyones[p.Path]) { // a file may hold a thousand, and nobody looks at what he did not pay for
				w.all[i] = p.Abridged(n)
				break
			}
			w.byPID[pid] = append(w.byPID[pid], i)
		}
	}
}

// named reads a registered pidfile.
func (w *pidfileWalk) named(path string) {
	p := w.h.readEntering(path)
	if errors.Is(p.Err, fact.ErrMayHang) {
		w.missed++
		return
	}
	owner := nobodysOwn
	if w.onlyRootFills(filepath.Dir(path)) {
		owner = 0
	}
	w.keep(p, owner)
}

// miss counts what could not be read; that it is not there any more is no loss.
func (w *pidfileWalk) miss(err error) {
	if err != nil && fact.Missing(err) {
		return
	}
	w.missed++
	if w.failure == nil && isFault(err) {
		w.failure = err
	}
}

// isFault reports an error that says nothing of what could not be read. What somebody can
// arrange, a link of his, a loop, a file where a directory was, is none: root's answers
// must not hang on it.
func isFault(err error) bool {
	if errors.Is(err, fs.ErrPermission) {
		return os.Geteuid() == 0
	}
	return slices.ContainsFunc([]error{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.EIO, unix.EAGAIN, unix.EINTR, unix.ESRCH},
		func(fault error) bool { return errors.Is(err, fault) })
}

// nobodysOwn is a directory where several can write: each pays for his own.
const nobodysOwn = -1

// payer is who pays for what lies in a directory: 0 for one that only root, or who asks,
// can write. Several may write in a group's (/run/named), where each pays for his own, too.
func payer(st unix.Statx_t) int {
	switch {
	case st.Mode&0o002 != 0, st.Mode&0o020 != 0 && st.Gid != 0:
		return nobodysOwn
	case int(st.Uid) == os.Geteuid():
		return 0
	}
	return int(st.Uid)
}

// describe says what was opened.
func describe(fd int) (unix.Statx_t, error) {
	st, err := kernel.StatxAt(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS)
	return st, fact.OfOpened(err)
}

// onlyRootFills: where others can put something, that it is no pidfile says nothing.
func (w *pidfileWalk) onlyRootFills(path string) bool {
	st, err := w.h.Look(path, kernel.MaxLinks, unix.STATX_BASIC_STATS)
	return err == nil && payer(st) == 0
}

// pay takes one look from what a user has; false: he has had all of his.
func (w *pidfileWalk) pay(uid int, shared bool) bool {
	if uid == 0 || uid == nobodysOwn {
		return true
	}
	from := quota{uid, shared}
	if w.spent[from] == usersLimit || shared && w.sharedSpent == sharedLimit {
		w.missedOf[uid]++
		return false
	}
	if w.spent[from]++; shared {
		w.sharedSpent++
	}
	return true
}

// affords reports that the owner of what lies in a directory of everyone's has not had all
// of his.
func (w *pidfileWalk) affords(d openDirectory, name string) bool {
	st, err := kernel.StatxAt(d.fd, name, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_UID)
	if err == nil {
		return w.pay(int(st.Uid), true)
	}
	// Somebody's FUSE file system hides all but its device, also from root (fuse_getattr in
	// fs/fuse/dir.c). Only whose directory it is can mount one there.
	if st, deviceErr := kernel.StatxAt(d.fd, name, unix.AT_SYMLINK_NOFOLLOW, 0); !errors.Is(err, fs.ErrPermission) || deviceErr != nil ||
		kernel.IdOf(st).Dev == d.at.ID.Dev {
		w.miss(err)
	}
	return false
}

// openDirectory is one that is read, fd having been opened with O_PATH at first.
type openDirectory struct {
	fd        int
	at        kernel.Entered
	path      string
	shared    bool // below one where several can write
	everyones bool // below one where everyone can
	users     bool // below one that somebody else than root can rename
}

// directory reads one. That it cannot be read is a loss only where others' pidfiles may lie.
func (w *pidfileWalk) directory(d openDirectory, levels int) {
	w.h.Doing("reading %s", d.path)
	st, err := describe(d.fd)
	if err != nil {
		w.miss(err)
		return
	}
	owner := payer(st)
	d.shared, d.everyones = d.shared || owner == nobodysOwn, d.everyones || st.Mode&0o002 != 0
	d.users = d.users || owner != 0 && owner != nobodysOwn
	if d.fd, err = openHere(d.fd, ".", unix.O_DIRECTORY); err != nil {
		w.miss(err)
		return
	}
	defer unix.Close(d.fd)
	var links []string
	err = eachEntry(w.lister(d.fd, owner), func(name string, kind byte) bool {
		switch isDir := kind == unix.DT_DIR || kind == unix.DT_UNKNOWN; {
		case !w.pay(owner, d.shared):
			return false
		case isDir && levels > 1 && (owner != nobodysOwn || w.affords(d, name)):
			w.below(d, name, levels-1)
		}
		switch isFile := kind == unix.DT_REG || kind == unix.DT_UNKNOWN; {
		case !pidfileName(name) || owner == nobodysOwn && kind != unix.DT_DIR && !w.affords(d, name):
		case kind == unix.DT_LNK: // the file before a link to it: of several for one process the first counts
			links = append(links, name)
		case isFile:
			w.file(d, name, owner)
		}
		return true
	})
	switch {
	case errors.Is(err, errStuck) && owner != nobodysOwn:
		w.missedOf[owner]++
	case err != nil && !removed(d.fd):
		w.miss(err)
	}
	slices.Sort(links)
	for _, name := range links {
		w.link(d, name, owner)
	}
}

var errStuck = errors.New("it could not be listed in time")

// lister lists a directory. That of others than root may never be listed: who has the kernel write its names to where a dead
// FUSE server answers holds its lock (fact.ErrThreads). It is waited for once for each user, and for everyone's.
func (w *pidfileWalk) lister(dir, owner int) func(buffer []byte) (int, error) {
	list := func(buffer []byte) (int, error) {
		return kernel.Retried(func() (int, error) { return unix.ReadDirent(dir, buffer) })
	}
	if owner == 0 {
		return list
	}
	type listed struct {
		n   int
		err error
	}
	return func(buffer []byte) (int, error) {
		account := kernel.AccountOf(owner)
		if w.stuck[account] {
			return 0, errStuck
		}
		l, told := kernel.InTime(func() (l listed) {
			l.n, l.err = list(buffer)
			return l
		})
		if w.stuck[account] = !told; !told {
			return 0, errStuck
		}
		return l.n, l.err
	}
}

// removed reports that a directory was: no more can be read of it (ENOENT, iterate_dir in fs/readdir.c), nor is there anything.
func removed(dir int) bool {
	st, err := kernel.StatxAt(dir, "", unix.AT_EMPTY_PATH, unix.STATX_NLINK)
	return err == nil && st.Nlink == 0
}

// below goes into a directory. A file system that may not answer is not entered.
func (w *pidfileWalk) below(d openDirectory, name string, levels int) {
	fd, at, err := w.h.OpenStep(d.fd, name, unix.O_NOFOLLOW|unix.O_DIRECTORY, d.at, 0)
	switch {
	case errors.Is(err, fact.ErrMayHang), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
	case err != nil:
		w.miss(err)
	default:
		inside := d
		inside.fd, inside.at, inside.path = fd, at, filepath.Join(d.path, name)
		w.directory(inside, levels)
		unix.Close(fd)
	}
}

// file reads one. In a directory of root's it needs no way around O_PATH: it is what it was
// listed as. Elsewhere anything may have been put, or mounted, there meanwhile.
func (w *pidfileWalk) file(d openDirectory, name string, owner int) {
	if owner != 0 {
		fd, _, err := w.h.OpenStep(d.fd, name, unix.O_NOFOLLOW, d.at, 0)
		if err == nil {
			w.keepIn(d, w.h.readOpenedPidfile(rules.Pidfile{Path: d.path + "/" + name}, fd), owner)
			unix.Close(fd)
		} else if isFault(err) {
			w.miss(err)
		}
		return
	}
	if _, isMount := w.served[filepath.Join(d.path, name)]; isMount { // of a file of its own
		return
	}
	fd, err := openHere(d.fd, name, unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		if st, statErr := kernel.StatxAt(d.fd, name, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_UID); statErr == nil && isLeased(err, int(st.Uid)) {
			w.missedOf[int(st.Uid)]++
		} else {
			w.miss(err)
		}
		return
	}
	defer unix.Close(fd)
	p, regular := w.h.statPidfile(rules.Pidfile{Path: d.path + "/" + name}, fd)
	if regular && !w.seen[p.ID] {
		p = readContent(p, fd)
	}
	w.keepIn(d, p, owner)
}

// link reads what a symbolic link leads to, from the root directory on: below a user's it is
// left alone, as he could put a file server in the way meanwhile, and his own vouches for nobody.
func (w *pidfileWalk) link(d openDirectory, name string, owner int) {
	if d.users {
		return
	}
	path := d.path + "/" + name
	if _, mayHang := w.h.MayHang(path); !mayHang {
		w.keepIn(d, w.h.readPidfileOnce(path), owner)
	}
}

// keepIn is keep of what lies in a directory.
func (w *pidfileWalk) keepIn(d openDirectory, p rules.Pidfile, owner int) {
	kept := len(w.all)
	if w.keep(p, owner); d.everyones && len(w.all) > kept {
		w.everyones[p.Path] = true
	}
}

// keep adds a pidfile. Where others than root can put something, that it is none says
// nothing.
func (w *pidfileWalk) keep(p rules.Pidfile, owner int) {
	switch unusable := p.State == rules.PidfileUnusable; {
	case unusable && p.ID.Known() && isLeased(p.Err, p.Owner):
		w.missedOf[p.Owner]++
	case unusable && (owner == 0 || isFault(p.Err)):
		w.miss(p.Err)
	default:
		w.add(p)
	}
}

// isLeased: a user has a lease on what could not be opened (fcntl(2), F_SETLEASE), as only who owns a file can.
func isLeased(err error, owner int) bool { return errors.Is(err, unix.EAGAIN) && owner != 0 }

func (w *pidfileWalk) add(p rules.Pidfile) {
	if p.State != rules.PidfileNames && p.State != rules.PidfileGarbage || p.ID.Known() && w.seen[p.ID] {
		return
	}
	w.seen[p.ID] = true
	w.all = append(w.all, p)
}

// roots are the pidfiles that only root can have written.
func (w *pidfileWalk) roots() (found []rules.Pidfile) {
	for _, p := range w.all {
		if ok, _ := p.Vouches(0, 0); ok && p.State == rules.PidfileNames && p.Roots() {
			found = append(found, p)
		}
	}
	return found
}

// doubt is why there may be more pidfiles that speak for a process of these users.
func (w *pidfileWalk) doubt(uids ...int) (missed int) {
	missed = w.missed
	slices.Sort(uids)
	for _, uid := range slices.Compact(uids) {
		missed += w.missedOf[uid]
	}
	return missed
}

// allMissed counts what was missed of anybody.
func (w *pidfileWalk) allMissed() (missed int) {
	missed = w.missed
	for _, of := range w.missedOf {
		missed += of
	}
	return missed
}

// naming are the pidfiles, but own, that name a process.
func (w *pidfileWalk) naming(pid int, own rules.Pidfile) (found []rules.Pidfile) {
	for _, i := range w.byPID[pid] {
		if p := w.all[i]; !sameAs(own, p) {
			found = append(found, p)
		}
	}
	return found
}

// pidfileName: sshd.pid, redis-server.pid, master.pid, pid, openvpn.pidfile.
func pidfileName(name string) bool {
	return strings.Contains(strings.ToLower(name), "pid")
}

// openHere opens what has this name in a directory for reading.
func openHere(dir int, name string, flags int) (int, error) {
	return kernel.Confirmed(func() (int, error) { return unix.Openat(dir, name, flags|unix.O_RDONLY|unix.O_CLOEXEC, 0) })
}

// eachEntry calls visit for all in a directory, until it says that this will do. Their
// order is that of names, where they are few: the same answer is wanted twice.
func eachEntry(list func(buffer []byte) (int, error), visit func(name string, kind byte) (more bool)) error {
	type entry struct {
		name string
		kind byte
	}
	buffer := make([]byte, 32<<10)
	for {
		n, err := list(buffer)
		if n <= 0 || err != nil {
			return fact.OfOpened(err)
		}
		var batch []entry
		kernel.EachName(buffer[:n], func(name []byte, kind byte) { batch = append(batch, entry{string(name), kind}) })
		sort.Slice(batch, func(i, j int) bool { return batch[i].name < batch[j].name })
		for _, e := range batch {
			if !visit(e.name, e.kind) {
				return nil
			}
		}
	}
}
