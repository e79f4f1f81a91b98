package lab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// unmatched is what Debian's init script says when pidof lists processes, and none of them is in the pidfile.
const unmatched = "There are processes named 'apache2' running which do not match your pid file"

// TestApache2 is the bug that pidproof was written for, on a host of its own, in the order of the report.
// https://bugs.debian.org/868861
func TestApache2(t *testing.T) { onBoth(t, testApache2) }

func testApache2(t *testing.T, d debian) {
	need.Program(t, "make")
	h := bootSites(t, d)
	if !t.Run("upgrade", func(t *testing.T) { testUpgrade(t, h) }) {
		return
	}
	t.Run("restart without the hook", func(t *testing.T) { testControl(t, h) })
	installPidproof(t, h)
	t.Run("restart works with the hook", func(t *testing.T) { testRestart(t, h) })
	t.Run("stop again", func(t *testing.T) { testStopAgain(t, h) })
	t.Run("main process killed", func(t *testing.T) { testLeftovers(t, h) })
	t.Run("pidfile names another process", func(t *testing.T) { testForeignPID(t, h) })
	t.Run("wrapped", func(t *testing.T) { testWrapped(t, h) })
}

// Debian #868861: "the postinst script doesn't restart anything other than the default instance".
func testUpgrade(t *testing.T, h *Host) {
	undisturbed(t, h, foo, bar)
	const inode = "stat -c %i /usr/sbin/apache2"
	old, oldMain := h.Must(t, inode), main.identity(t, h)

	h.Reinstall(t, "apache2-bin", "apache2")

	if h.Must(t, inode) == old {
		t.Fatal("the package's files were installed again, and /usr/sbin/apache2 is the same file")
	}
	if main.identity(t, h) == oldMain {
		t.Fatal("the package was installed again without a restart of the main instance")
	}
	for s, want := range map[site]string{main: "/usr/sbin/apache2", foo: "/usr/sbin/apache2 (deleted)", bar: "/usr/sbin/apache2 (deleted)"} {
		if exe := strings.TrimSpace(h.Must(t, fmt.Sprintf("readlink /proc/%d/exe", s.pid(t, h)))); exe != want {
			t.Fatalf("apache2%s runs %q, want %q", s.suffix, exe, want)
		}
	}
	main.answers(t, h)
}

// Debian #868861: "running pidof /usr/sbin/apache2 will now thus only list the pids of the main apache instance".
// Debian 13's pidof also lists whoever has that path as its argv[0], which apache2 has: there, this form of the fault does
// not show.
func testControl(t *testing.T, h *Host) {
	undisturbed(t, h, main, foo)
	if !believesTitles(t, h) {
		undisturbed(t, h, bar)
		failsUnmatched(t, h, bar.script(), "restart")
		return
	}
	before := bar.identity(t, h)
	if result := h.Run(t, bar.script(), "restart"); result.Code != 0 || bar.identity(t, h) == before {
		t.Errorf("%s restart: %+v, and bar was %q and is %q", bar.script(), result, before, bar.identity(t, h))
	}
}

func believesTitles(t *testing.T, h *Host) bool {
	t.Helper()
	return h.Sh(t, "dpkg --compare-versions $(dpkg-query -W -f '${Version}' sysvinit-utils) ge 3.14").Code == 0
}

func failsUnmatched(t *testing.T, h *Host, script, action string) {
	t.Helper()
	if result := h.Run(t, script, action); result.Code != 1 || !strings.Contains(result.Stdout, unmatched) {
		t.Errorf("%s %s: %+v, want exit 1 and %q", script, action, result, unmatched)
	}
}

// installPidproof brings the binary and the hook to the host as a packager would.
func installPidproof(t *testing.T, h *Host) {
	t.Helper()
	tree, err := Installed()
	if err != nil {
		t.Fatal(err)
	}
	h.Copy(t, tree, "/")
	h.Must(t, "test -x /usr/sbin/pidproof && test -f /lib/lsb/init-functions.d/60-pidproof")
}

// Debian #868861: "Restarting web server: apache2 failed!" With the hook, Debian's own script restarts foo.
func testRestart(t *testing.T, h *Host) {
	undisturbed(t, h, main, bar)
	if changed := h.Sh(t, "dpkg --verify apache2").Stdout; strings.Contains(changed, "/etc/init.d/") {
		t.Fatalf("the init script is not Debian's: %s", changed)
	}
	rules := map[site]string{main: "same-file", foo: "replaced", bar: "replaced"}
	if believesTitles(t, h) {
		rules[bar] = "same-file" // testControl has restarted it
	}
	for s, rule := range rules {
		if why := s.expect(t, h, 0); why.Rule != rule {
			t.Errorf("apache2%s: rule %q, want %q", s.suffix, why.Rule, rule)
		}
		if status := h.Run(t, s.script(), "status"); status.Code != 0 {
			t.Errorf("%s status: %+v", s.script(), status)
		}
	}

	before := foo.pid(t, h)
	if result := h.Run(t, foo.script(), "restart"); result.Code != 0 {
		t.Fatalf("%s restart: %+v", foo.script(), result)
	}
	after := foo.pid(t, h)
	if after == before {
		t.Errorf("restarted, and still PID %d", before)
	}
	files := h.Must(t, fmt.Sprintf("stat -L -c %%d:%%i /proc/%d/exe /usr/sbin/apache2", after))
	if exe, daemon, _ := strings.Cut(strings.TrimSpace(files), "\n"); exe != daemon {
		t.Errorf("foo runs the file %s, and /usr/sbin/apache2 is %s", exe, daemon)
	}
	foo.answers(t, h)

	why := foo.expect(t, h, 0)
	why.expectRole(t, "main", "", after)
	why.expectRole(t, "worker", "", workers(t, h, after)...)
	for _, s := range []site{main, bar} {
		pid := s.pid(t, h)
		why.expectRole(t, "other instance", s.runFile(), append(workers(t, h, pid), pid)...)
	}
}

// Debian #868861, the same check from the other side: an instance that is stopped already cannot be stopped again while
// others run. The hook cannot cure that, because the script asks only whether any apache2 runs; the README's snippet does.
func testStopAgain(t *testing.T, h *Host) {
	undisturbed(t, h, main, bar)
	cured := withSnippet(t, h)

	if ret := apRet(t, h, foo.pidfile()); ret != "2" {
		t.Errorf("the snippet sets AP_RET to %s while foo runs", ret)
	}
	if result := h.Run(t, cured, "stop"); result.Code != 0 {
		t.Fatalf("stop while it runs: %+v", result)
	}
	t.Cleanup(func() { startFoo(t, h) })
	foo.expect(t, h, 3)
	if ret := apRet(t, h, foo.pidfile()); ret != "0" {
		t.Errorf("the snippet sets AP_RET to %s while foo is stopped", ret)
	}
	if ret := apRet(t, h, "/run"); ret != "1" {
		t.Errorf("the snippet sets AP_RET to %s when nothing can be told", ret)
	}
	if result := h.Run(t, cured, "stop"); result.Code != 0 || strings.Contains(result.Stdout, unmatched) {
		t.Errorf("stop again: %+v", result)
	}
	failsUnmatched(t, h, foo.script(), "stop")
	if status := h.Run(t, foo.script(), "status"); status.Code != 3 {
		t.Errorf("status after stop: %+v", status)
	}
}

// Debian #868861: "left untouched in the name of safety", where that is right: these would keep the port.
func testLeftovers(t *testing.T, h *Host) {
	undisturbed(t, h, main, bar)
	pid := foo.pid(t, h)
	left := workers(t, h, pid)
	h.Must(t, fmt.Sprintf("kill -KILL %d", pid))
	awaitGone(t, h, pid)
	t.Cleanup(func() { startFoo(t, h) })

	why := foo.expect(t, h, 150)
	why.expectRole(t, "leftover", "", left...)
	_, named, isLeftOver := strings.Cut(why.line, "left over from this instance: ")
	named, _, _ = strings.Cut(named, ";")
	if len(left) == 0 || !isLeftOver || !strings.Contains(why.line, foo.pidfile()) {
		t.Errorf("check does not say that %v are left over from the instance of %s: %q", left, foo.pidfile(), why.line)
	}
	if ret := apRet(t, h, foo.pidfile()); ret != "1" {
		t.Errorf("the snippet sets AP_RET to %s for leftovers", ret)
	}
	for _, worker := range left {
		if !slices.Contains(strings.Fields(named), strconv.Itoa(worker)) {
			t.Errorf("check does not name process %d: %q", worker, why.line)
		}
		h.Must(t, fmt.Sprintf("kill -KILL %d", worker))
	}
	if status := h.Run(t, foo.script(), "status"); status.Code != 1 {
		t.Errorf("status with a stale pidfile: %+v", status)
	}
	awaitGone(t, h, left...)
	foo.expect(t, h, 1)
}

// Debian #868861: what "grep -w $(cat $PIDFILE)" cannot tell. A pidfile that names somebody else never means "running".
func testForeignPID(t *testing.T, h *Host) {
	undisturbed(t, h, main, bar)
	sleep, err := strconv.Atoi(strings.TrimSpace(h.Must(t, "setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $!")))
	if err != nil {
		t.Fatal(err)
	}
	barMain := bar.pid(t, h)
	barWorker := workers(t, h, barMain)[0]
	// Two pidfiles for one process, written within ten seconds, pass for the daemon's own two.
	eventually(t, "bar's pidfile is older than that", func() bool {
		return h.Must(t, "find "+bar.pidfile()+" -mmin +0.2") != ""
	})
	all := func(t *testing.T, code int) {
		for name, other := range map[string]struct{ pid, code, status int }{
			"worker of bar": {barWorker, code, 1},
			// Two pidfiles that claim it contradict each other: not "running", and nothing to act on either.
			"main process of bar": {barMain, 4, 4},
			"unrelated process":   {sleep, code, 1},
		} {
			t.Run(name, func(t *testing.T) {
				h.Must(t, fmt.Sprintf("echo %d >%s", other.pid, foo.pidfile()))
				foo.expect(t, h, other.code).expectRole(t, "other instance", bar.runFile(), barMain, barWorker)
				if status := h.Run(t, foo.script(), "status"); status.Code != other.status {
					t.Errorf("status: %+v", status)
				}
			})
		}
	}

	t.Run("while foo runs", func(t *testing.T) {
		undisturbed(t, h, foo)
		own := foo.pid(t, h)
		t.Cleanup(func() { h.Must(t, fmt.Sprintf("echo %d >%s", own, foo.pidfile())) })
		all(t, 150) // foo's own processes are in no pidfile meanwhile
	})
	foo.expect(t, h, 0)
	t.Run("while foo is stopped", func(t *testing.T) {
		h.Must(t, foo.script()+" stop")
		t.Cleanup(func() { h.Must(t, "rm "+foo.pidfile()); startFoo(t, h) })
		all(t, 1)
	})
}
