package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pidproof/testdata/healing"
	"pidproof/testdata/need"
)

// TestPatchesHeal: unedited init scripts of Debian's, and beside them what pidproof makes of them with its hook, its
// wrapper and its patch, in each state of their daemon that they may meet. Where the stock script is right the patched
// one does the same; and it takes no innocent process for the daemon. What is right is told from /proc, without pidproof.
// `make healing` sets PIDPROOF_HEALING to a folder for what is seen: then it is all services, each on a host of its own,
// but those that the folder has already.
func TestPatchesHeal(t *testing.T) {
	need.Program(t, "strace")
	folder := os.Getenv("PIDPROOF_HEALING")
	if folder == "" {
		t.Parallel()
		var few []healing.Service
		for _, s := range healing.Services {
			if s.Few {
				few = append(few, s)
			}
		}
		heal(t, folder, few...)
		return
	}
	for _, s := range healing.Services {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(filepath.Join(folder, s.Name+".json")); errors.Is(err, os.ErrNotExist) {
				heal(t, folder, s)
			}
		})
	}
}

// heal tries services side by side on one host: most of the time they sleep.
func heal(t *testing.T, folder string, services ...healing.Service) {
	h := Boot(t)
	h.Must(t, countSleeps)
	var packages []string
	for _, s := range services {
		packages = append(packages, s.Packages...)
	}
	h.installUnstarted(t, packages...)
	for _, s := range services {
		h.Must(t, "exec 2>&1; set -e; rm -f /etc/logrotate.d/"+s.Name+"; "+s.Script()+" stop || :\n"+s.Prepare)
	}
	whole := folder != ""
	stock := takeAll(t, h, nil, services, whole)
	installPidproof(t, h)
	installWrapper(t, h)
	outcomes := make(map[string]healing.Outcome)
	for _, s := range services {
		outcomes[s.Name] = patchScript(t, h, s)
	}
	patched := takeAll(t, h, stock, services, whole)
	for _, s := range services {
		o := outcomes[s.Name]
		o.Stock, o.Patched = stock[s.Name], patched[s.Name]
		c := s.Compare(o)
		for _, d := range c.Broken {
			t.Errorf("%s %s, %s: stock %q, patched %q; it says\n%s", s.Name, d.Action, d.State, d.Stock, d.Patched, d.Said)
		}
		t.Logf("%s: %d steps, stock right in %d, patched in %d; %d healed, %d wrong in both, %d in other words",
			s.Name, c.Steps, c.StockRight, c.PatchedRight, len(c.Healed), len(c.Both), len(c.Words))
		if folder != "" && !t.Failed() {
			if err := o.Write(folder); err != nil {
				t.Error(err)
			}
		}
	}
}

// patchScript has audit mend a script.
func patchScript(t *testing.T, h *Host, s healing.Service) (o healing.Outcome) {
	t.Helper()
	o.Name = s.Name
	o.Version = strings.TrimSpace(h.Must(t, "dpkg-query -W -f '${Version}' "+s.Packages[0]))
	o.Patch = healing.Digest(h.Sh(t, "pidproof audit --patch "+s.Script()).Stdout) // exit 1 says that there are places
	said := h.Sh(t, "pidproof audit --write "+s.Script()+" 2>&1").Stdout
	_, after, _ := strings.Cut(said, s.Script()+": ")
	if _, err := fmt.Sscan(after, &o.Replaced); err != nil || h.Sh(t, "test -e "+s.Script()+"~").Code != 0 {
		t.Fatalf("%s is not patched: %s", s.Script(), said)
	}
	o.Left = strings.Count(said, "left to you")
	if o.Left == 0 && s.Leaves != "" {
		t.Errorf("%s: audit does not say what it leaves: %s", s.Script(), said)
	}
	return o
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

// takeAll takes all steps of all services, side by side. Without those of the stock scripts it takes these.
func takeAll(t *testing.T, h *Host, stock map[string][]healing.Step, services []healing.Service, whole bool) map[string][]healing.Step {
	t.Helper()
	var mu sync.Mutex
	taken := make(map[string][]healing.Step)
	side := "stock"
	if stock != nil {
		side = "patched"
	}
	t.Run(side, func(t *testing.T) {
		var all sync.WaitGroup // not t.Parallel: its limit is for tests that work
		for _, s := range services {
			all.Add(1)
			go func() {
				defer all.Done()
				t.Run(s.Name, func(t *testing.T) {
					run := &tried{Service: s, h: h, patched: stock != nil, stock: stock[s.Name]}
					steps := run.take(t, whole)
					mu.Lock()
					defer mu.Unlock()
					taken[s.Name] = steps
				})
			}()
		}
		all.Wait()
	})
	return taken
}
