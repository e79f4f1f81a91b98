package matcher

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// sameAs reports that p lies at our own path, or is our file under another: the
// daemon may have written it since it was read.
func sameAs(own Pidfile, p Pidfile) bool {
	return own.ID.Known() && p.ID == own.ID ||
		own.Path != "" && filepath.Base(p.Path) == filepath.Base(own.Path) && sameDirectory(p.Path, own.Path)
}

func sameDirectory(a, b string) bool {
	return same(identify(filepath.Dir(a)), identify(filepath.Dir(b)))
}

// upgrades reports that p belongs to the same instance, in the middle of a
// binary upgrade: nginx and unicorn rename nginx.pid to nginx.pid.oldbin,
// gunicorn writes gunicorn.pid.2.
func upgrades(own Pidfile, p Pidfile) bool {
	return own.Path != "" &&
		strings.HasPrefix(filepath.Base(p.Path), filepath.Base(own.Path)+".") && sameDirectory(p.Path, own.Path)
}

// claims finds the other trusted pidfiles that name the process, or an ancestor
// of it that runs the daemon. Unreadable with a value: there may be more.
func (h *host) claims(d Daemon, own Pidfile, e Evidence) Fact[[]Claim] {
	var out []Claim
	var failure error
	uids := []int{}
	for self, hops := true, 0; hops < maxAncestors; self, hops = false, hops+1 {
		parent, runs := h.parentRunning(d, e)
		if runs.State == Unreadable {
			failure = fmt.Errorf("its parent cannot be read: %w", runs.Err)
		}
		uids = append(uids, e.UID, e.EUID)
		for _, p := range h.walk().naming(e.PID, own) {
			if ok, _ := p.Vouches(e.UID, e.EUID); !ok {
				continue
			}
			out = append(out, Claim{
				Pidfile: p.Path, PID: e.PID, Self: self, Written: p.Written,
				Late: late(e, p), TopLevel: !runs.Value, Upgrade: upgrades(own, p),
			})
		}
		if !runs.Value {
			break
		}
		e = parent
	}
	if missed := h.walk().doubt(uids...); missed > 0 {
		failure = fmt.Errorf("pidfiles or directories under /run, or registrations, cannot be read, or hold too much: %d", missed)
	}
	if failure != nil {
		return Fact[[]Claim]{State: Unreadable, Value: out, Err: failure}
	}
	return known(out)
}

// parentRunning gives the parent's evidence and whether it runs the daemon, by
// file or by path; where no daemon was given, what the process itself runs.
func (h *host) parentRunning(d Daemon, e Evidence) (Evidence, Fact[bool]) {
	if d.unnamed() {
		d = daemonOf(e.Exe.Value)
	}
	if e.PPID < 1 || d.unnamed() {
		return Evidence{}, known(false)
	}
	unread := func(err error) (Evidence, Fact[bool]) {
		return Evidence{}, Fact[bool]{State: Unreadable, Err: err}
	}
	proc, err := h.openProc(unix.O_PATH)
	if err != nil {
		return unread(err)
	}
	defer unix.Close(proc)
	var short [256]byte
	w := h.want([]Daemon{d}, false)
	if link, err := exeLink(proc, e.PPID, short[:]); err == nil && w.sight(link) == 0 {
		return Evidence{}, known(false)
	}
	parent, decision, err := h.judge(d, Pidfile{}, e.PPID)
	switch {
	case err != nil:
		return unread(err)
	case parent.Life == Gone:
		if now, err := h.readStat(e.PID); err == nil && now.PPID == e.PPID { // else it has another by now
			return unread(unix.ESRCH)
		}
		return Evidence{}, known(false)
	case adoptedBy(e, parent):
		return Evidence{}, known(false)
	}
	if err := h.fault(Process{Evidence: parent, Decision: decision}); err != nil {
		return unread(err)
	}
	if decision.Outcome == Undecided && parent.Exe.State == Unreadable && parent.Life == Alive && parent.AsRoot {
		// As for any process whose executable root may not see, its name decides.
		if argv := h.readArgv(e.PPID); d.nameFits(parent.Comm, argv) || h.maybeUnderAnotherName(d, parent.Comm, argv.Value) {
			return unread(parent.Exe.Err)
		}
	}
	return parent, known(decision.Outcome == Runs || decision.Outcome == Plausible)
}
