package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// demod is one of several instances of testdata/demod that scripts/example.init starts.
type demod struct {
	name    string
	address string
	workers int
	more    string // options
}

var demodMain, demodFoo = demod{"demod", "127.0.0.1:8085", 2, ""}, demod{"demod-foo", "127.0.0.1:8086", 0, ""}

const demodFile = "/usr/sbin/demod"

// TestExample runs scripts/example.init as its comments say: every word "example" replaced, a second instance, links for
// the boot.
func TestExample(t *testing.T) {
	t.Parallel()
	need.Program(t, "go")
	h := chosen().boot(t)
	installPidproof(t, h)
	installExample(t, h)

	t.Run("boot", func(t *testing.T) { testBoot(t, h) })
	t.Run("actions", func(t *testing.T) { testActions(t, h) })
	t.Run("replaced", func(t *testing.T) { testReplaced(t, h) })
	t.Run("stale pidfile", func(t *testing.T) { testStalePidfile(t, h) })
	t.Run("main process killed", func(t *testing.T) { testMainKilled(t, h) })
	t.Run("cannot tell", func(t *testing.T) { testCannotTell(t, h) })
	t.Run("reload", func(t *testing.T) { testReload(t, h) })
	t.Run("usage", func(t *testing.T) { testUsage(t, h) })
	t.Run("package removed", func(t *testing.T) { testPackageRemoved(t, h) })
	t.Run("link", func(t *testing.T) { testLink(t, h) })
	t.Run("does not start", func(t *testing.T) { testDoesNotStart(t, h) })
	t.Run("ignores TERM", func(t *testing.T) { testIgnoresTerm(t, h) })
}

func installExample(t *testing.T, h *Host) {
	t.Helper()
	example, err := os.ReadFile("../../scripts/example.init")
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	for name, content := range map[string]string{
		"init.d/demod":      strings.ReplaceAll(string(example), "example", "demod"),
		"default/demod":     demodMain.options(),
		"default/demod-foo": demodFoo.options(),
	} {
		name = filepath.Join(tree, "etc", name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	BuildInto(t, tree, demodFile, "../demod")
	h.Copy(t, tree, "/")
	h.Must(t, `set -e
		instance=$(sed -n 's/^#   //p' /etc/init.d/demod)
		test -n "$instance"
		eval "$instance"
		update-rc.d demod defaults
		update-rc.d demod-foo defaults
		echo 'l1:1:wait:/etc/init.d/rc 1' >>/etc/inittab`)
}

func (d demod) options() string {
	return fmt.Sprintf("OPTIONS='-listen %s -workers %d %s'\n", d.address, d.workers, d.more)
}

func (d demod) script() string { return "/etc/init.d/" + d.name }

// call requires that an action ends with this exit code, and that what is said of it has these words.
func (d demod) call(t *testing.T, h *Host, action string, code int, words ...string) {
	t.Helper()
	result := h.Run(t, d.script(), action)
	if result.Code != code {
		t.Fatalf("%s %s: %+v, want exit %d", d.script(), action, result, code)
	}
	for _, word := range words {
		if !strings.Contains(result.Stdout, word) {
			t.Errorf("%s %s: %+v, want %q", d.script(), action, result, word)
		}
	}
}

// runs requires that this instance runs and answers, and returns its main process's PID.
func (d demod) runs(t *testing.T, h *Host) (pid int) {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(h.Must(t, "cat /run/"+d.name+".pid")))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(mains(t, h, demodFile), pid) {
		t.Errorf("%s: PID %d is none of %v", d.name, pid, mains(t, h, demodFile))
	}
	own := []int{pid}
	if d.workers > 0 {
		if own = workers(t, h, pid); len(own) != d.workers {
			t.Errorf("%s has the workers %v, want %d", d.name, own, d.workers)
		}
	}
	if answer, err := h.ask(d.address, "\n"); err != nil || !slices.Contains(own, number(answer)) {
		t.Errorf("%s: process %q answers, want one of %v: %v", d.name, answer, own, err)
	}
	d.call(t, h, "status", 0)
	return pid
}

func number(line string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(line))
	return n
}

// stopped requires that only these main processes are left.
func (d demod) stopped(t *testing.T, h *Host, left ...int) {
	t.Helper()
	if slices.Sort(left); !slices.Equal(mains(t, h, demodFile), left) {
		t.Errorf("%s is stopped: %v run, want %v", d.name, mains(t, h, demodFile), left)
	}
	d.call(t, h, "status", 3)
}

// Real init starts both instances through the links that update-rc.d made, and stops them.
func testBoot(t *testing.T, h *Host) {
	for range 2 {
		h.Must(t, "telinit 1")
		eventually(t, "runlevel 1 is reached and nothing runs", func() bool {
			return h.Must(t, "runlevel") == "2 1\n" && len(mains(t, h, demodFile)) == 0
		})
		h.Must(t, "telinit 2")
		eventually(t, "runlevel 2 is reached, and both run", func() bool {
			return h.Sh(t, "/etc/init.d/demod status && /etc/init.d/demod-foo status").Code == 0
		})
		demodMain.runs(t, h)
		demodFoo.runs(t, h)
		if log := h.Must(t, "cat /run/boot.log"); strings.Contains(log, "already") {
			t.Errorf("the boot found something running: %s", log)
		}
	}
	h.Must(t, "/etc/rc2.d/S[0-9][0-9]demod-foo status")
}

func testActions(t *testing.T, h *Host) {
	for _, pair := range [][2]demod{{demodMain, demodFoo}, {demodFoo, demodMain}} {
		d, other := pair[0], pair[1]
		before, others := d.runs(t, h), other.runs(t, h)
		d.call(t, h, "start", 0, "(already running)")
		if d.runs(t, h) != before {
			t.Errorf("%s was started again", d.name)
		}
		d.call(t, h, "restart", 0)
		restarted := d.runs(t, h)
		d.call(t, h, "stop", 0)
		d.stopped(t, h, others)
		d.call(t, h, "stop", 0)
		d.stopped(t, h, others)
		d.call(t, h, "start", 0)
		if started := d.runs(t, h); started == restarted || restarted == before || other.runs(t, h) != others {
			t.Errorf("%s had PID %d, restarted %d, started %d; the other was %d", d.name, before, restarted, started, others)
		}
	}
}

// The upgrade that did not restart anything.
func testReplaced(t *testing.T, h *Host) {
	old, oldFoo := demodMain.runs(t, h), demodFoo.runs(t, h)
	h.Must(t, fmt.Sprintf("cp %[1]s %[1]s.dpkg-new && mv %[1]s.dpkg-new %[1]s", demodFile))
	demodMain.runs(t, h)
	demodFoo.runs(t, h)
	demodFoo.call(t, h, "start", 0, "(already running)")
	demodFoo.call(t, h, "restart", 0)
	demodMain.call(t, h, "stop", 0)
	now := demodFoo.runs(t, h)
	demodMain.stopped(t, h, now)
	demodMain.call(t, h, "start", 0)
	if demodMain.runs(t, h) == old || now == oldFoo {
		t.Error("a PID is still the same")
	}
	if h.Sh(t, "ls -l /proc/[0-9]*/exe | grep -F '"+demodFile+" (deleted)'").Code == 0 {
		t.Error("somebody still runs the old file")
	}
}

func testStalePidfile(t *testing.T, h *Host) {
	pid, others := demodFoo.runs(t, h), demodMain.runs(t, h)
	h.Must(t, fmt.Sprintf("kill -KILL %d", pid))
	awaitGone(t, h, pid)
	demodFoo.call(t, h, "status", 1)
	demodFoo.call(t, h, "stop", 0)
	demodFoo.call(t, h, "start", 0)
	demodFoo.runs(t, h)

	// The number has passed to another process, and to one of the other instance.
	bystander := strings.TrimSpace(h.Must(t, "setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $!"))
	for _, other := range []string{bystander, fmt.Sprint(workers(t, h, others)[0])} {
		pid := demodFoo.runs(t, h)
		h.Must(t, fmt.Sprintf("kill -KILL %d; echo %s >/run/demod-foo.pid; touch -d -1hour /run/demod-foo.pid", pid, other))
		awaitGone(t, h, pid)
		demodFoo.call(t, h, "status", 1)
		demodFoo.call(t, h, "stop", 0)
		h.Must(t, "test -e /proc/"+other)
		demodFoo.call(t, h, "start", 0)
		demodFoo.runs(t, h)
		h.Must(t, "test -e /proc/"+other)
	}
	if demodMain.runs(t, h) != others {
		t.Error("the other instance was restarted")
	}
}

// The workers of a main process that was killed keep the port, and belong to nobody: they are named and left alone.
func testMainKilled(t *testing.T, h *Host) {
	pid, others := demodMain.runs(t, h), demodFoo.runs(t, h)
	left := workers(t, h, pid)
	h.Must(t, fmt.Sprintf("kill -KILL %d", pid))
	awaitGone(t, h, pid)

	demodMain.call(t, h, "status", 1)
	demodMain.call(t, h, "start", 1, "in the way: ", fmt.Sprint(left[0]), fmt.Sprint(left[1]), "failed!")
	if result := h.Run(t, demodMain.script(), "stop"); result.Code != 0 || !strings.Contains(result.Stdout, fmt.Sprint(left[0])) {
		t.Errorf("stop: %+v, want exit 0, and the PIDs %v", result, left)
	}
	demodMain.call(t, h, "restart", 1, "in the way: ")
	if alive := mains(t, h, demodFile); !slices.Equal(alive, sorted(others, left)) {
		t.Errorf("%v run, want %d and %v", alive, others, left)
	}
	h.Must(t, fmt.Sprintf("kill %d %d", left[0], left[1]))
	awaitGone(t, h, left...)
	demodMain.call(t, h, "start", 0)
	demodMain.runs(t, h)
	if demodFoo.runs(t, h) != others {
		t.Error("the other instance was restarted")
	}
}

// A pidfile that anybody may write proves nothing, and who cannot tell neither stops nor starts anything.
func testCannotTell(t *testing.T, h *Host) {
	pid := demodFoo.runs(t, h)
	before := mains(t, h, demodFile)
	h.Must(t, "chmod 666 /run/demod-foo.pid")
	for _, action := range []string{"start", "stop", "restart", "reload"} {
		demodFoo.call(t, h, action, 1, "failed!")
	}
	demodFoo.call(t, h, "start", 1, "writable")
	h.Must(t, "chmod 644 /run/demod-foo.pid")
	if demodFoo.runs(t, h) != pid || !slices.Equal(mains(t, h, demodFile), before) {
		t.Errorf("%v ran, and now %v", before, mains(t, h, demodFile))
	}
}

// demod dies of HUP, and leaves the pidfile that it removes at TERM.
func testReload(t *testing.T, h *Host) {
	pid, others := demodFoo.runs(t, h), demodMain.runs(t, h)
	demodFoo.call(t, h, "reload", 0)
	awaitGone(t, h, pid)
	h.Must(t, "test -e /run/demod-foo.pid")
	demodFoo.call(t, h, "reload", 7, "failed!")
	demodFoo.call(t, h, "force-reload", 7, "failed!")
	demodFoo.call(t, h, "start", 0)
	demodFoo.runs(t, h)
	if demodMain.runs(t, h) != others {
		t.Error("the other instance was restarted")
	}
}

// https://refspecs.linuxbase.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/iniscrptact.html
func testUsage(t *testing.T, h *Host) {
	before := mains(t, h, demodFile)
	for args, code := range map[string]int{"": 2, "stop now": 2, "try-restart": 3, "''": 3, "demod": 3} {
		result := h.Sh(t, demodMain.script()+" "+args)
		if result.Code != code || result.Stdout != "" || strings.Count(result.Stderr, "\n") != 1 {
			t.Errorf("%s %s: %+v, want exit %d and one line on stderr", demodMain.script(), args, result, code)
		}
	}
	if !slices.Equal(mains(t, h, demodFile), before) {
		t.Error("something was started or stopped")
	}
}

// What a package leaves behind when it is removed and not purged can still stop, and starts nothing.
func testPackageRemoved(t *testing.T, h *Host) {
	pid := demodFoo.runs(t, h)
	h.Must(t, fmt.Sprintf("cp %[1]s /run/demod && rm %[1]s", demodFile))
	demodFoo.runs(t, h)
	demodFoo.call(t, h, "stop", 0)
	awaitGone(t, h, pid)
	demodFoo.call(t, h, "status", 3)
	demodFoo.call(t, h, "start", 0)
	demodFoo.call(t, h, "status", 3)
	h.Must(t, "mv /run/demod "+demodFile)
	demodFoo.call(t, h, "start", 0)
	demodFoo.runs(t, h)
	demodMain.call(t, h, "restart", 0)
}

func testLink(t *testing.T, h *Host) {
	bar := demod{"demod-bar", "127.0.0.1:8087", 1, ""}
	linked(t, h, bar)
	bar.call(t, h, "status", 3)
	bar.call(t, h, "start", 0)
	bar.runs(t, h)
	others := []int{demodMain.runs(t, h), demodFoo.runs(t, h)}
	bar.call(t, h, "stop", 0)
	bar.stopped(t, h, others...)
}

// linked makes an instance whose init script is a link.
func linked(t *testing.T, h *Host, d demod) {
	t.Helper()
	h.Must(t, fmt.Sprintf("ln -sf demod %s && cat >/etc/default/%s <<'END'\n%sEND", d.script(), d.name, d.options()))
}

// Its port is taken.
func testDoesNotStart(t *testing.T, h *Host) {
	bar := demod{"demod-bar", demodMain.address, 0, ""}
	linked(t, h, bar)
	pid := demodMain.runs(t, h)
	for _, action := range []string{"start", "restart"} {
		bar.call(t, h, action, 1, "failed!")
		bar.stopped(t, h, pid, demodFoo.runs(t, h))
	}
	demodMain.runs(t, h)
}

// What KILL ends cannot end its workers, and these hold the port.
func testIgnoresTerm(t *testing.T, h *Host) {
	bar := demod{"demod-bar", "127.0.0.1:8087", 1, "-ignore-term"}
	linked(t, h, bar)
	bar.call(t, h, "start", 0)
	pid := bar.runs(t, h)
	bar.call(t, h, "restart", 0)
	if bar.runs(t, h) == pid {
		t.Errorf("restarted, and still PID %d", pid)
	}
}
