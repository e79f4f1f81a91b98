package attack

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// An ordinary user makes a mount tree in which his file lies at the daemon's path, executes it, and removes it:
// /proc/PID/exe says "/srv/sbin/idle (deleted)". Inside, the process has user and mount namespaces of its own; smuggled
// out, as a descriptor, it has ours.

// trees are the ways, and whether the process might be somebody's who runs the daemon: he could do that, too.
var trees = []struct {
	how   string
	exits []string // of check without a pidfile that names it
}{
	{"inside", []string{"3"}},
	{"smuggled", []string{"3", "4"}},
}

// startInTree runs the ordinary user's program there.
func startInTree(t *testing.T, how, name string) process {
	t.Helper()
	program := users + "/" + name
	if _, err := os.Stat(program); err != nil {
		copyFile(t, daemon, program)
	}
	command := exec.Command("/srv/bin/tree", how, "/srv/sbin", program)
	command.SysProcAttr, command.Stderr = as(nobody), os.Stderr
	must(t, command.Start())
	p := process{Cmd: command}
	t.Cleanup(p.end)
	until(t, "its link lies", func() bool {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pid()))
		return err == nil && link == "/srv/sbin/"+name+" (deleted)"
	})
	return p
}

func TestOwnMountTree(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		tried := 0
		for range rounds.Of(1, 50) {
			for _, tree := range trees {
				p := startInTree(t, tree.how, "idle")
				tried += proveNothing(t, tree.how, tree.exits, p)
				if tree.how == "inside" {
					tried += h.asksAll(t, "beside a mount tree of a user's")
				}
				p.end()
			}
			if t.Failed() {
				return
			}
		}
		rounds.Held(t, tried)
	})
}

// proveNothing: neither without a pidfile, nor under a recycled number, is the process the daemon.
func proveNothing(t *testing.T, how string, unnamed []string, p process) (asked int) {
	t.Helper()
	const recycled = "/run/recycled.pid"
	write(t, recycled, p.pid(), time.Hour)
	defer os.Remove(recycled)
	fresh := "/run/fresh.pid"
	write(t, fresh, p.pid(), 0)
	defer os.Remove(fresh)
	pidof := []string{"1", "4"}
	if how == "inside" {
		pidof = pidof[:1]
	}
	questions := []struct {
		args  string
		exits []string
	}{
		{"check -p " + noPidfile + " " + idle, unnamed},
		{"pidof " + idle, pidof},
		{"check -p " + recycled + " " + idle, []string{"1", "4"}},
		{"check -p " + fresh + " " + idle, []string{"1", "4"}},
		{"status -p " + recycled + " " + idle, []string{"1", "4"}},
		{"killproc -p " + recycled + " " + idle, []string{"0", "4"}},
		{"killproc -p " + recycled + " --workers " + idle, []string{"0", "4"}},
		{"start-stop-daemon --stop --pidfile " + recycled + " --exec " + idle, []string{"1", "3"}},
		{"start-stop-daemon --stop --exec " + idle, []string{"1", "3"}},
		{"adopt -p " + recycled + " " + idle, []string{"1", "3", "4"}},
		{"adopt --yes -p " + noPidfile + " " + idle, []string{"1", "3", "4"}},
	}
	for _, q := range questions {
		write(t, recycled, p.pid(), time.Hour) // killproc may remove it
		a := ask(t, strings.Fields(q.args)...)
		a.fits(t, how, q.exits...)
		if !runs(p.pid()) {
			t.Fatalf("%s: the process was ended by %s", how, a)
		}
		if _, err := os.Stat(noPidfile); err == nil {
			t.Fatalf("%s: the process was adopted by %s", how, a)
		}
	}
	return len(questions)
}

// By its link the process is the daemon: what goes by links is fooled.
func TestOwnMountTreeControl(t *testing.T) {
	onHost(t, func(t *testing.T) {
		pidof := need.Program(t, "pidof")
		for _, tree := range trees {
			p := startInTree(t, tree.how, "idle")
			if said, err := exec.Command(pidof, idle).Output(); !strings.Contains(string(said), strconv.Itoa(p.pid())) {
				t.Errorf("%s: pidof %s: %q, %v", tree.how, idle, said, err)
			}
			p.end()
		}
	})
}

// startBound runs root's sleep under the name "idle", at which a user has bound it in a mount tree of his own, in the host's
// tree and by the daemon's path: "it may have been started as the daemon, but runs" a file of root's of that name.
func startBound(t *testing.T) process {
	t.Helper()
	const script = `: >"$1/idle"; unshare -Urm sh -c 'mount --bind /bin/sleep "$1/idle" && exec sleep 1000' sh "$1" & ns=$!
until [ "$(stat -c %u "/proc/$ns/root$1/idle")" = 0 ]; do :; done
exec -a /srv/sbin/idle "/proc/$ns/root$1/idle" 1000`
	command := exec.Command(need.Program(t, "bash"), "-c", script, "bash", users)
	command.SysProcAttr, command.Stderr = as(nobody), os.Stderr
	must(t, command.Start())
	p := process{Cmd: command}
	t.Cleanup(p.end)
	until(t, "it runs root's file", func() bool {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pid()))
		return err == nil && link == users+"/idle"
	})
	for _, pid := range children(t, p.pid()) {
		t.Cleanup(func() { _ = unix.Kill(pid, unix.SIGKILL) })
	}
	return p
}

func TestBoundName(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		tried := 0
		startBound(t)
		for range rounds.Of(1, 50) {
			tried += h.asksAll(t, "beside root's file under the daemon's name")
		}
		rounds.Held(t, tried)
	})
}
