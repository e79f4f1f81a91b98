package histories

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// listed is what docs/list-json.md says, as far as it is compared.
type listed struct {
	Instances []struct {
		State, Pidfile, Executable string
		Also                       []string
		PID                        int
		Workers                    *int
	}
	Daemons []struct {
		Executable string
		Unclaimed  []struct {
			PID  int
			Role string
		}
	}
}

// list asks for everything at once.
func (w *world) list() error {
	code, out, complaints, err := w.lab.ask("list", "--json")
	if err != nil {
		return err
	}
	var all listed
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != 0 {
		return w.wrong("list --json", "exit 0, an object", code, out, complaints)
	}
	for _, f := range w.instances() {
		if err := w.listedInstance(all, f); err != nil {
			return err
		}
	}
	for _, d := range all.Daemons {
		if !slices.Contains(w.daemons, d.Executable) {
			continue
		}
		got := map[int]string{}
		for _, p := range d.Unclaimed {
			got[p.PID] = p.Role
		}
		for _, p := range w.processes() {
			want := w.listedRole(p, d.Executable)
			if !slices.Contains(want, got[p.pid]) {
				return w.wrong("list --json", fmt.Sprintf("%v of %s is %s", p, d.Executable, strings.Join(want, " or ")), code, got[p.pid], complaints)
			}
		}
	}
	return nil
}

// listedRole is what a process may be among the unclaimed; "" is not among them.
func (w *world) listedRole(p *process, daemon string) []string {
	is, c := w.relation(p, daemon), w.claimed(p, daemon, nil)
	switch {
	case is == stranger || c == yes:
		return []string{""}
	case is == runs && c == no:
		return []string{"unclaimed", "leftover"}
	case c == no:
		return []string{"unclear"}
	case c == maybe:
		return []string{"", "unclaimed", "leftover", "unclear"}
	}
	return []string{"unclaimed", "leftover", "unclear"}
}

func (w *world) listedInstance(all listed, f *pidfile) error {
	want, workers := w.listedStates(f)
	for _, i := range all.Instances {
		if i.Pidfile != f.path && !slices.Contains(i.Also, f.path) {
			continue
		}
		switch {
		case i.Pidfile == f.path && !slices.Contains(want, i.State), i.Pidfile != f.path && !slices.Contains(want, "running"):
			return wrong{"list --json: " + f.path, strings.Join(want, " or "), i.State}
		case i.State == "running" && i.Pidfile == f.path && workers >= 0 && (i.Workers == nil || *i.Workers != workers):
			got := "none counted"
			if i.Workers != nil {
				got = fmt.Sprint(*i.Workers)
			}
			return wrong{"list --json: workers of " + f.path, fmt.Sprint(workers), got}
		}
		return nil
	}
	if !slices.Contains(want, "") {
		return wrong{"list --json: " + f.path, strings.Join(want, " or "), "it is not listed"}
	}
	return nil
}

// listedStates are the states that may be listed, "" for not at all, and the number
// of workers, -1 where that is not for certain.
func (w *world) listedStates(f *pidfile) (states []string, workers int) {
	p := w.living[f.pid]
	daemon := f.daemon
	if !w.registered {
		switch {
		case f.state == absent:
			return []string{""}, -1
		case f.state == garbage || p == nil:
			return []string{"stale"}, -1
		}
		// The daemon is what the process runs.
		daemon = ""
		for _, d := range w.daemons {
			if w.relation(p, d) == runs {
				daemon = d
			}
		}
		switch {
		case !f.vouches(p):
			return []string{"unknown"}, -1
		case daemon == "" && !late(p, f):
			// Whoever it is: its number, and the time, are the pidfile's.
			return []string{"running", "unknown"}, -1
		case daemon == "" && (w.witnesses(p, f).set || w.witnesses(p, f).perhapsSet):
			return []string{"running", "unknown", "stale"}, -1 // the clock explains it
		case daemon == "":
			return []string{"running", "unknown", "stale"}[loose(w, p):], -1
		}
	}
	v := w.verdict(f, daemon)
	switch {
	case w.registered:
	case late(p, f) && (daemon != f.daemon || filepath.Base(p.argv0) != filepath.Base(daemon)):
		// Its name is not like the pidfile's, which speaks against a late one.
		v |= running | stale | unknown
	case !late(p, f) && v == unknown:
		v |= running // a worker with a pidfile of its own: the list goes by the number
	case late(p, f) && v&running == 0:
		v |= stale | unknown // whose it is, the list need not know
	}
	for at, word := range []string{"running", "stale", "absent", "unknown"} {
		if v&(1<<at) != 0 {
			states = append(states, word)
		}
	}
	return states, w.workers(f, daemon)
}

// loose is where the states of a late process begin that is no daemon of ours: it may
// be said to run only if it was one, under another name.
func loose(w *world, p *process) int {
	for _, d := range w.daemons {
		if p.uid == 0 && w.relation(p, d) != stranger {
			return 0
		}
	}
	if p.uid == 0 && p.name.path != w.lab.stranger() {
		return 0 // a daemon by another name
	}
	return 1
}

// workers counts those that run the daemon and that no other pidfile claims.
func (w *world) workers(f *pidfile, daemon string) int {
	p := w.living[f.pid]
	if p == nil || w.verdict(f, daemon) != running || w.relation(p, daemon) != runs {
		return -1
	}
	count := 0
	for _, worker := range p.workers {
		if !worker.ended {
			count++
		}
	}
	for _, other := range w.pidfiles {
		q := w.living[other.pid]
		if other != f && other.state == names && q != nil && (q == p || q.parent == p) {
			return -1
		}
	}
	return count
}
