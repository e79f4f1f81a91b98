package matcher

import (
	"os"
	"path/filepath"
	"strings"
)

const (
	// runLevels is how deep pidfiles lie under /run: /run/crond.pid,
	// /run/apache2/apache2.pid, /run/openvpn/server/office.pid.
	runLevels = 3
	// runLimit bounds what one run reads, whatever a user piled up in a
	// directory of his.
	runLimit = 4096
)

// otherPidfiles reads every pidfile under the run directories but own: those
// that name a process. It never looks at /proc. missed counts what it could
// not read.
func (h *host) otherPidfiles(own Pidfile) (found []Pidfile, missed int) {
	seen := map[FileID]bool{}
	budget := runLimit
	served := servedMounts()
	for _, dir := range h.run {
		id := fileID(dir)
		if !id.Known() || seen[id] { // /var/run is a link to /run
			continue
		}
		seen[id] = true
		h.pidfilesIn(dir, runLevels, &budget, served, func(p Pidfile) {
			switch {
			case own.ID.Known() && p.ID == own.ID, seen[p.ID]:
			case own.upgrades(p):
			case p.State == PidfileNames:
				seen[p.ID] = true
				found = append(found, p)
			case p.State == PidfileUnusable:
				missed++
			}
		}, &missed)
	}
	return found, missed
}

func (h *host) pidfilesIn(dir string, levels int, budget *int, served map[string]string, visit func(Pidfile), missed *int) {
	if _, mayHang := served[dir]; mayHang { // a user's FUSE mount, for one
		*missed++
		return
	}
	h.doing("reading %s", dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		if !vanished(err) {
			*missed++
		}
		return
	}
	for _, entry := range entries {
		if *budget--; *budget < 0 {
			*missed++
			return
		}
		path := filepath.Join(dir, entry.Name())
		switch {
		case entry.IsDir():
			if levels > 1 {
				h.pidfilesIn(path, levels-1, budget, served, visit, missed)
			}
		case entry.Type().IsRegular() && pidfileName(entry.Name()):
			visit(h.readPidfileOnce(path))
		}
	}
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
		strings.HasPrefix(filepath.Base(p.Path), filepath.Base(own.Path)+".") &&
		fileID(filepath.Dir(p.Path)) == fileID(filepath.Dir(own.Path))
}

// claims finds the other trusted pidfiles that name the process, or an ancestor
// of it that runs the daemon.
func (h *host) claims(d Daemon, own Pidfile, e Evidence) Fact[[]Claim] {
	pidfiles, _ := h.otherPidfiles(own)
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
				Late: late(e, p), TopLevel: !runs,
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
	if e.PPID < 1 || e.adopted() {
		return Evidence{}, false
	}
	parent, decision, err := h.judge(d, Pidfile{}, e.PPID)
	if err != nil {
		return Evidence{}, false
	}
	return parent, decision.Outcome == Runs
}
