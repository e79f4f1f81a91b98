package matcher

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// runLevels is how deep pidfiles lie under /run: /run/crond.pid,
	// /run/apache2/apache2.pid, /run/openvpn/server/office.pid.
	runLevels = 3
	// usersLimit is how many entries are looked at, all in all, of directories
	// that others than root can fill (/run/lock): nobody may slow root down, or
	// hide other instances' pidfiles behind his own.
	usersLimit = 1024
)

// pidfileWalk gathers the pidfiles under the run directories.
type pidfileWalk struct {
	h      *host
	own    Pidfile
	served map[string]string // mount points that may hang
	budget int               // of usersLimit
	seen   map[FileID]bool
	found  []Pidfile
	missed int // what could not be read, where only root writes
}

// otherPidfiles reads every pidfile under the run directories but own: those
// that name a process. It never looks at /proc.
func (h *host) otherPidfiles(own Pidfile) (found []Pidfile, missed int) {
	w := pidfileWalk{h: h, own: own, served: servedMounts(), budget: usersLimit, seen: map[FileID]bool{}}
	for _, dir := range h.run {
		if id := fileID(dir); id.Known() && !w.seen[id] { // /var/run is a link to /run
			w.seen[id] = true
			w.directory(dir, runLevels)
		}
	}
	return w.found, w.missed
}

func (w *pidfileWalk) directory(path string, levels int) {
	w.h.doing("reading %s", path)
	dir, err := os.Open(path)
	if err != nil {
		if !vanished(err) {
			w.missed++
		}
		return
	}
	defer dir.Close()
	roots, limit := onlyRootWrites(dir), -1
	if !roots {
		limit = max(w.budget, 1) // 0 would mean all
	}
	entries, err := dir.ReadDir(limit)
	if err != nil && err != io.EOF && roots {
		w.missed++
	}
	if !roots {
		w.budget -= len(entries)
	}
	for _, entry := range entries {
		name := filepath.Join(path, entry.Name())
		_, isMount := w.served[name] // a user's FUSE mount, of a file or a directory
		switch link := entry.Type()&os.ModeSymlink != 0; {
		case isMount:
		case entry.IsDir() && levels > 1:
			w.directory(name, levels-1)
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
	case w.own.sameAs(p), w.seen[p.ID]:
	case p.State == PidfileNames:
		w.seen[p.ID] = true
		w.found = append(w.found, p)
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

func onlyRootWrites(dir *os.File) bool {
	var st unix.Stat_t
	err := unix.Fstat(int(dir.Fd()), &st)
	return err == nil && (st.Uid == 0 || int(st.Uid) == os.Geteuid()) && st.Mode&0o002 == 0
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
// of it that runs the daemon.
func (h *host) claims(d Daemon, own Pidfile, e Evidence) Fact[[]Claim] {
	pidfiles, missed := h.otherPidfiles(own)
	if missed > 0 {
		return failed[[]Claim](fmt.Errorf("%d pidfiles or directories under /run cannot be read", missed))
	}
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
	parent, decision, err := h.judge(d, Pidfile{}, e.PPID)
	if err != nil || e.adoptedBy(parent) {
		return Evidence{}, false
	}
	return parent, decision.Outcome == Runs || decision.Outcome == Plausible
}
