package matcher

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// runLevels is how deep pidfiles lie under /run: /run/crond.pid,
	// /run/apache2/apache2.pid, /run/openvpn/server/office.pid.
	runLevels = 3
	// usersLimit is how many entries are looked at of the directories that one user
	// can fill (/run/user/UID, /run/mysqld), and of each that everyone can
	// (/run/lock): nobody may slow root down, or hide other instances' pidfiles
	// behind his own.
	usersLimit = 1024
)

// pidfileWalk gathers the pidfiles under the run directories, and the registered ones.
type pidfileWalk struct {
	h      *host
	served map[string]string // mount points that may hang
	users  map[uint32]*purse
	seen   map[FileID]bool
	all    []Pidfile // also those that name nobody
	missed int       // what could not be read, where only root writes, and what was too full
}

// purse is what is left of usersLimit.
type purse struct{ left int }

// otherPidfiles are all pidfiles but own that name a process.
func (h *host) otherPidfiles(own Pidfile) (found []Pidfile, missed int) {
	walk := h.walked
	if walk == nil {
		walk = h.walkPidfiles()
	}
	for _, p := range walk.all {
		if p.State == PidfileNames && !own.sameAs(p) {
			found = append(found, p)
		}
	}
	return found, walk.missed
}

// walkPidfiles reads every pidfile under the run directories, and the registered
// ones. It never looks at /proc.
func (h *host) walkPidfiles() *pidfileWalk {
	w := &pidfileWalk{h: h, served: servedMounts(), users: map[uint32]*purse{}, seen: map[FileID]bool{}}
	for _, dir := range h.run {
		if id := fileID(dir); id.Known() && !w.seen[id] { // /var/run is a link to /run
			w.seen[id] = true
			w.directory(dir, runLevels, nil)
		}
	}
	if h.registered == nil {
		return w
	}
	registered, missed := h.registered()
	w.missed += missed
	for _, path := range registered {
		if _, mayHang := mayHang(w.served, []string{path}); mayHang {
			w.missed++
			continue
		}
		w.pidfile(h.readPidfileOnce(path), w.onlyRootFills(filepath.Dir(path)))
	}
	return w
}

// onlyRootFills: where others can put something, that it is no pidfile says nothing.
func (w *pidfileWalk) onlyRootFills(path string) bool {
	dir, err := os.Open(path)
	if err != nil {
		return !vanished(err)
	}
	defer dir.Close()
	return w.payer(dir) == nil
}

// directory reads one. Whatever lies below a directory that others than root can
// fill is paid from the same purse, whoever owns it.
func (w *pidfileWalk) directory(path string, levels int, from *purse) {
	w.h.doing("reading %s", path)
	dir, err := os.Open(path)
	if err != nil {
		if !vanished(err) {
			w.missed++
		}
		return
	}
	defer dir.Close()
	if from == nil {
		from = w.payer(dir)
	}
	roots, limit := from == nil, -1
	if !roots {
		limit = from.left + 1 // the one too many says that there are more
	}
	entries, err := dir.ReadDir(limit)
	if err != nil && err != io.EOF && roots {
		w.missed++
	}
	if !roots {
		if len(entries) > from.left {
			entries = entries[:from.left]
			w.missed++
		}
		from.left -= len(entries)
	}
	// Of several for one process the first counts: the file before a link to it.
	slices.SortFunc(entries, func(a, b os.DirEntry) int {
		return cmp.Or(cmp.Compare(a.Type()&os.ModeSymlink, b.Type()&os.ModeSymlink), strings.Compare(a.Name(), b.Name()))
	})
	for _, entry := range entries {
		name := filepath.Join(path, entry.Name())
		_, isMount := w.served[name] // a user's FUSE mount, of a file or a directory
		switch link := entry.Type()&os.ModeSymlink != 0; {
		case isMount:
		case entry.IsDir() && levels > 1:
			w.directory(name, levels-1, from)
		case link && pidfileName(entry.Name()):
			if _, mayHang := mayHang(w.served, []string{name}); !mayHang {
				w.pidfile(w.h.readPidfileOnce(name), roots)
			}
		case entry.Type().IsRegular() && pidfileName(entry.Name()):
			w.pidfile(w.h.readPidfileOnce(name), roots)
		}
	}
}

func (w *pidfileWalk) pidfile(p Pidfile, roots bool) {
	switch {
	case w.seen[p.ID] && p.ID.Known():
	case p.State == PidfileNames, p.State == PidfileGarbage:
		w.seen[p.ID] = true
		w.all = append(w.all, p)
	case p.State == PidfileUnusable && roots:
		w.missed++
	}
}

// sameAs reports that p lies at our own path, or is our file under another: the
// daemon may have written it since it was read.
func (own Pidfile) sameAs(p Pidfile) bool {
	return own.ID.Known() && p.ID == own.ID ||
		own.Path != "" && filepath.Base(p.Path) == filepath.Base(own.Path) && sameDirectory(p.Path, own.Path)
}

func sameDirectory(a, b string) bool {
	return fileID(filepath.Dir(a)) == fileID(filepath.Dir(b))
}

// payer gives the purse from which the reading of a directory is paid: none where
// only root, or the user who asks, can write.
func (w *pidfileWalk) payer(dir *os.File) *purse {
	var st unix.Stat_t
	err := unix.Fstat(int(dir.Fd()), &st)
	roots := err == nil && (st.Uid == 0 || int(st.Uid) == os.Geteuid())
	switch {
	case roots && st.Mode&0o002 == 0:
		return nil
	case roots || err != nil:
		return &purse{usersLimit} // everyone's, so it is nobody's own
	}
	if w.users[st.Uid] == nil {
		w.users[st.Uid] = &purse{usersLimit}
	}
	return w.users[st.Uid]
}

// pidfileName: sshd.pid, redis-server.pid, master.pid, pid, openvpn.pidfile.
func pidfileName(name string) bool {
	return strings.Contains(strings.ToLower(name), "pid")
}

// upgrades reports that p belongs to the same instance, in the middle of a
// binary upgrade: nginx and unicorn rename nginx.pid to nginx.pid.oldbin,
// gunicorn writes gunicorn.pid.2.
func (own Pidfile) upgrades(p Pidfile) bool {
	return own.Path != "" &&
		strings.HasPrefix(filepath.Base(p.Path), filepath.Base(own.Path)+".") && sameDirectory(p.Path, own.Path)
}

// claims finds the other trusted pidfiles that name the process, or an ancestor
// of it that runs the daemon. Unreadable with a value: there may be more.
func (h *host) claims(d Daemon, own Pidfile, e Evidence) Fact[[]Claim] {
	pidfiles, missed := h.otherPidfiles(own)
	byPID := map[int][]Pidfile{}
	for _, p := range pidfiles {
		byPID[p.PID] = append(byPID[p.PID], p)
	}
	var out []Claim
	for self, hops := true, 0; hops < maxAncestors; self, hops = false, hops+1 {
		parent, runs := h.parentRunning(d, e)
		for _, p := range byPID[e.PID] {
			if ok, _ := p.Vouches(e.UID, e.EUID); !ok {
				continue
			}
			out = append(out, Claim{
				Pidfile: p.Path, PID: e.PID, Self: self, Written: p.Written,
				Late: late(e, p), TopLevel: !runs, Upgrade: own.upgrades(p),
			})
		}
		if !runs {
			break
		}
		e = parent
	}
	if missed > 0 {
		err := fmt.Errorf("pidfiles or directories under /run, or registrations, cannot be read, or hold too much: %d", missed)
		return Fact[[]Claim]{State: Unreadable, Value: out, Err: err}
	}
	return known(out)
}

// maxAncestors bounds a walk up the process tree.
const maxAncestors = 64

// parentRunning gives the parent's evidence and whether it runs the daemon, by
// file or by path.
func (h *host) parentRunning(d Daemon, e Evidence) (Evidence, bool) {
	if e.PPID < 1 || d.unnamed() {
		return Evidence{}, false
	}
	proc, err := h.openProc(unix.O_PATH)
	if err != nil {
		return Evidence{}, false
	}
	defer unix.Close(proc)
	glance := h.glance(&d, proc)
	if may, err := glance.mayRun(e.PPID); err == nil && !may {
		return Evidence{}, false
	}
	parent, decision, err := h.judge(d, Pidfile{}, e.PPID)
	if err != nil || e.adoptedBy(parent) {
		return Evidence{}, false
	}
	return parent, decision.Outcome == Runs || decision.Outcome == Plausible
}
