package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
	"pidproof/testdata/supervise"
	"pidproof/testdata/waiting"
)

// A daemon that is frozen by a cgroup, as a container's by `docker pause`.

type freezer struct {
	mount, control, freeze, thaw string
	killable                     bool
}

// freezers are the kinds. Version 2 lets KILL through, version 1 nothing.
var freezers = []freezer{
	{"/sys/fs/cgroup", "cgroup.freeze", "1", "0", true},
	{"/sys/fs/cgroup/unified", "cgroup.freeze", "1", "0", true},
	{"/sys/fs/cgroup/freezer", "freezer.state", "FROZEN", "THAWED", false},
}

// cgroupEnv names the cgroups of this run: they are the machine's, and outlive a host that is killed.
const cgroupEnv = "PIDPROOF_ATTACK_CGROUP"

func TestFrozenDaemon(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		var found sync.WaitGroup
		kinds := 0
		for _, f := range freezers {
			dir := filepath.Join(f.mount, os.Getenv(cgroupEnv))
			if os.Mkdir(dir, 0o755) != nil {
				continue
			}
			control := filepath.Join(dir, f.control)
			if _, err := os.Stat(control); err != nil {
				_ = os.Remove(dir)
				continue
			}
			kinds++
			pidfile := fmt.Sprintf("/run/frozen%d.pid", kinds)
			d := startDaemon(t, daemon, pidfile)
			must(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(d.pid())), 0))
			must(t, os.WriteFile(control, []byte(f.freeze), 0))
			found.Add(1)
			go func() {
				defer found.Done()
				defer func() { _ = os.WriteFile(control, []byte(f.thaw), 0) }()
				for range rounds.Of(1, 10) {
					if f.killable && !runs(d.pid()) {
						break
					}
					askFrozen(t, pidfile, f.killable)
				}
			}()
		}
		if kinds == 0 {
			t.Error("this machine has no cgroup that freezes")
		}
		found.Wait()
		h.asksAll(t, "after frozen daemons")
		rounds.Held(t, rounds.Of(1, 10)*kinds)
	})
}

func askFrozen(t *testing.T, pidfile string, killable bool) {
	ended, schedule := "1", "2" // as the manuals have it
	if killable {
		ended, schedule = "0", "1"
	}
	for _, q := range []struct{ args, exit string }{
		{"check -p " + pidfile + " " + daemon, "0"},
		{"status -p " + pidfile + " " + daemon, "0"},
		{"killproc -p " + pidfile + " " + daemon, ended},
		{"start-stop-daemon --stop --retry TERM/1/KILL/1 --pidfile " + pidfile + " --exec " + daemon, schedule},
	} {
		a, err := tryRun(append([]string{pidproof}, strings.Fields(q.args)...)...)
		if err != nil || a.exit != q.exit {
			t.Errorf("frozen: want exit %s: %v, %v", q.exit, a, err)
		}
	}
}

// A run that was interrupted meanwhile left the cgroups, and with version 1 a daemon that KILL does not end.
func TestInterruptedWhileFrozen(t *testing.T) {
	need.Root(t)
	t.Parallel()
	name := fmt.Sprint("pidproof-interrupted", os.Getpid())
	frozen := ""
	for _, f := range freezers {
		if _, err := os.Stat(f.mount + "/cgroup.procs"); err == nil {
			frozen = filepath.Join(f.mount, name, f.control)
		}
	}
	run := exec.Command("/proc/self/exe", "-test.run=^TestFrozenDaemon$")
	run.Env = append(os.Environ(), supervise.Again, rounds.Env+"=1", cgroupEnv+"="+name, builtEnv+"="+programs, "TMPDIR="+t.TempDir())
	must(t, run.Start())
	t.Cleanup(func() {
		_ = run.Process.Signal(unix.SIGTERM)
		_ = run.Wait()
	})
	until(t, frozen+" says so", func() bool {
		content, err := os.ReadFile(frozen)
		return err == nil && slices.ContainsFunc(freezers, func(f freezer) bool { return strings.TrimSpace(string(content)) == f.freeze })
	})
	must(t, run.Process.Signal(unix.SIGTERM))
	if err := run.Wait(); err == nil {
		t.Error("the run ended well")
	}
	if _, err := os.Stat(filepath.Dir(frozen)); err == nil {
		t.Errorf("%s is there still", filepath.Dir(frozen))
	}
}

// thaw lets whoever is left end, also after Ctrl-C: nobody can kill what version 1 has frozen. Then the cgroups go.
func thaw() {
	for _, f := range freezers {
		dir := filepath.Join(f.mount, os.Getenv(cgroupEnv))
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		_ = os.WriteFile(filepath.Join(dir, f.control), []byte(f.thaw), 0)
		if !waiting.Until(func() bool { return os.Remove(dir) == nil }) {
			fmt.Fprintln(os.Stderr, "cgroup", dir, "is not empty")
		}
	}
}
