//go:build healing

package lab

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"pidproof/testdata/need"
)

// patched is a service whose init script asks or signals by a bare number or name, and that `pidproof audit --write`
// mends.
type patched struct {
	name     string // of the script
	packages []string
	daemon   string // what /proc/PID/exe of its processes leads to
	args     string // what their arguments have in them, where daemon is an interpreter
	file     string // what an upgrade replaces, where that is not the daemon
	pidfile  string
	prepare  string // a shell script, after the installation
	second   string // a command that starts another instance beside it
	actions  string // what the script knows beyond its usage line
	// itself are actions in which not the script but the daemon's own program takes whoever its pidfile names for itself.
	itself string
	leaves string // actions whose places the audit names, and leaves
	few    bool   // also without PIDPROOF_ATTACK
}

func (p patched) script() string { return "/etc/init.d/" + p.name }

// TestPatchesHeal: unedited init scripts of Debian's, and beside them what pidproof makes of them with its hook, its
// wrapper and its patch, in each state of their daemon that they may meet. Where the stock script is right the patched
// one does the same; and it takes no innocent process for the daemon. What is right is told from /proc, without pidproof.
func TestPatchesHeal(t *testing.T) {
	t.Parallel()
	need.Program(t, "strace")
	all := os.Getenv("PIDPROOF_ATTACK") != ""
	only := os.Getenv("PIDPROOF_HEAL_ONLY")
	var tried []patched
	for _, p := range patchedServices {
		if (p.few || all) && (only == "" || strings.Contains(" "+only+" ", " "+p.name+" ")) {
			tried = append(tried, p)
		}
	}
	h := Boot(t)
	h.Must(t, countSleeps)
	var packages []string
	for _, p := range tried {
		packages = append(packages, p.packages...)
	}
	h.installUnstarted(t, packages...)
	for _, p := range tried {
		h.Must(t, "exec 2>&1; set -e; rm -f /etc/logrotate.d/"+p.name+"; "+p.script()+" stop || :\n"+p.prepare)
	}
	stock := takeAll(t, h, "stock", tried, all)
	installPidproof(t, h)
	installWrapper(t, h)
	places := make(map[string]string)
	for _, p := range tried {
		said := h.Sh(t, "pidproof audit --write "+p.script()+" 2>&1")
		_, after, _ := strings.Cut(said.Stdout, p.script()+": ")
		places[p.name], _, _ = strings.Cut(after, " ")
		if left := strings.Count(said.Stdout, "left to you"); left > 0 {
			places[p.name] += fmt.Sprintf(", %d left", left)
		} else if p.leaves != "" {
			t.Errorf("%s: audit does not say what it leaves: %+v", p.script(), said)
		}
		if h.Sh(t, "test -e "+p.script()+"~").Code != 0 {
			t.Errorf("%s is not patched: %+v", p.script(), said)
		}
	}
	healed := takeAll(t, h, "patched", tried, all)
	compareSides(t, tried, places, stock, healed)
}

// countSleeps: what a script waits for by sleeping is counted, not timed. The number of seconds goes to a file of the
// service.
const countSleeps = `mkdir -p /run/heal
	cp /usr/bin/sleep /usr/local/bin/innocent
	mv /usr/bin/sleep /usr/bin/sleep.real
	printf '%s\n' '#!/bin/sh' '[ -z "$HEAL" ] || echo "$1" >>"/run/heal/$HEAL"' 'exec /usr/bin/sleep.real "$@"' >/usr/bin/sleep
	chmod 755 /usr/bin/sleep`

// installUnstarted installs packages, and their services stay down.
func (h *Host) installUnstarted(t *testing.T, packages ...string) {
	t.Helper()
	folder := h.fetch(t, append([]string{"install", "--download-only", "--reinstall", "--no-install-recommends"}, packages...)...)
	h.Must(t, "rm -rf "+debsInHost+" && mkdir -p "+debsInHost)
	h.Copy(t, folder, debsInHost)
	h.Must(t, "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d")
	h.dpkg(t, "*")
	h.Must(t, "rm /usr/sbin/policy-rc.d")
}

// takeAll takes all steps of all services, side by side: most of the time they sleep.
func takeAll(t *testing.T, h *Host, side string, services []patched, whole bool) map[string][]healStep {
	t.Helper()
	var mu sync.Mutex
	taken := make(map[string][]healStep)
	t.Run(side, func(t *testing.T) {
		var all sync.WaitGroup // not t.Parallel: its limit is for tests that work
		for _, p := range services {
			all.Add(1)
			go func() {
				defer all.Done()
				t.Run(p.name, func(t *testing.T) {
					steps := p.take(t, h, side == "patched", whole)
					mu.Lock()
					defer mu.Unlock()
					taken[p.name] = steps
				})
			}()
		}
		all.Wait()
	})
	return taken
}

// compareSides prints the table, and fails where the patched script is worse.
func compareSides(t *testing.T, services []patched, places map[string]string, stock, healed map[string][]healStep) {
	t.Helper()
	var table, notes strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "script\tplaces replaced\tsteps\tstock right\tpatched right\thealed\tstock hit the innocent\tpatched did")
	for _, p := range services {
		var n, right, patchedRight, mended, hits, patchedHits int
		for _, after := range healed[p.name] {
			before, both := sameStep(stock[p.name], after)
			what := fmt.Sprintf("%s %s, %s", p.name, after.action, after.state)
			n++
			right += count(both && before.wrong == "")
			patchedRight += count(after.wrong == "")
			mended += count(both && before.wrong != "" && after.wrong == "")
			hits += count(before.hit != "")
			patchedHits += count(after.hit != "")
			switch {
			case after.hit != "" && !slices.Contains(strings.Fields(p.itself+" "+p.leaves), after.action):
				t.Errorf("%s: patched, it %s (stock: %q)\n%s", what, after.hit, before.hit, after.said)
			case !both && after.wrong != "":
				t.Errorf("%s: patched, it %s\n%s", what, after.wrong, after.said)
			case !both:
			case before.wrong == "" && after.wrong != "":
				t.Errorf("%s: stock is right; patched: %s\n%s", what, after.wrong, after.said)
			case before.wrong == "" && before.result() != after.result():
				t.Errorf("%s: stock and patched differ: %s, and %s\n%s\n%s", what, before.result(), after.result(), before.said, after.said)
			case before.wrong != "" && after.wrong == "":
				fmt.Fprintf(&notes, "healed: %s: stock %s\n", what, before.wrong)
			case after.wrong != "":
				fmt.Fprintf(&notes, "both wrong: %s: stock %s; patched %s\n", what, before.wrong, after.wrong)
			}
			if a, b := wording(before.said), wording(after.said); both && before.wrong == "" && a != b {
				fmt.Fprintf(&notes, "other words: %s: %q, and %q\n", what, a, b)
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", p.name, places[p.name], n, right, patchedRight, mended, hits, patchedHits)
	}
	w.Flush()
	t.Logf("\n%s\n%s", table.String(), notes.String())
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// wording is what a script says, without the numbers.
func wording(said string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, said)
}

func sameStep(steps []healStep, as healStep) (healStep, bool) {
	i := slices.IndexFunc(steps, func(s healStep) bool { return s.state == as.state && s.action == as.action })
	if i < 0 {
		return healStep{}, false
	}
	return steps[i], true
}
