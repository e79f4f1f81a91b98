package attack

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// An ordinary user's process offers paths that are long, or that lead nowhere.

// script is a daemon that is one, and does not run.
const script = "/srv/sbin/scriptd"

func makeScript(t *testing.T) {
	t.Helper()
	must(t, os.WriteFile(script, []byte("#!/bin/sh\nsleep 1000\n"), 0o755))
}

// runsNot puts the questions about a daemon that does not run.
func (h quietHost) runsNot(t *testing.T, when, daemon string) (asked int) {
	t.Helper()
	for _, command := range []struct{ args, exit string }{
		{"check -p " + noPidfile, "3"},
		{"status", "3"},
		{"pidof", "1"},
		{"start-stop-daemon --start --test --pidfile " + noPidfile + " --exec", "0"},
		{"start-stop-daemon --stop --test --exec", "1"},
	} {
		h.asks(t, when, question{append(strings.Fields(command.args), daemon), command.exit, ""})
		asked++
	}
	if t.Failed() {
		t.FailNow() // each may take as long as its deadline
	}
	return asked
}

// isQuiet puts a few questions, and at length all.
func (h quietHost) isQuiet(t *testing.T, when string) (asked int) {
	t.Helper()
	h.asks(t, when, question{[]string{"check", "-p", pidfile, daemon}, "0", ""})
	h.asks(t, when, question{[]string{"list"}, "0", ""})
	h.asks(t, when, question{[]string{"pidof", "nosuchname"}, "1", ""})
	asked = 3 + h.runsNot(t, when, idle)
	if rounds.Long() {
		asked += h.asksAll(t, when)
	}
	return asked
}

// The links of many processes are long: what is kept of each counts.
func TestLongLinks(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		const total = 5_000
		copyFile(t, daemon, users+"/other")
		dir := deepen(t, users, 3_800)
		for n := range total {
			must(t, unix.Linkat(unix.AT_FDCWD, users+"/other", dir, strconv.Itoa(n), 0))
		}
		shell := asUser("/bin/sh", "-c", `i=0; while [ "$i" -lt "$1" ]; do "./$i" & i=$((i + 1)); done; echo ready; wait`, "sh", strconv.Itoa(total))
		shell.Dir = fmt.Sprintf("/proc/self/fd/%d", dir)
		p := start(t, shell)
		until(t, "they run by long paths", func() bool {
			all := children(t, p.pid())
			link, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", all[len(all)-1]))
			return err == nil && len(all) == total && len(link) > 3_500
		})
		tried := 0
		for range rounds.Of(1, 20) {
			tried += h.isQuiet(t, "beside long links")
		}
		rounds.Held(t, tried)
	})
}

// He may mount the daemon's own file at such a path, and run it there: then it is kept who does.
func TestLongLinksOfDaemon(t *testing.T) {
	onHost(t, func(t *testing.T) {
		newQuietHost(t)
		total := rounds.Of(2_500, 4_000)
		script := `mount -t tmpfs none "$1" && cd "$1" && for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do mkdir "$2" && cd "$2" || exit; done
: >x && mount --bind "$3" x && exec ./x -w "$4"`
		command := asUser(need.Program(t, "unshare"), "-Urm", "/bin/sh", "-c", script, "sh", users, strings.Repeat("d", 250), idle, strconv.Itoa(total))
		crowd(t, command, total)
		const patient = "--timeout=5m" // it is memory that is measured
		tried := 0
		for range rounds.Of(1, 20) {
			for _, q := range []question{
				{args: []string{"status", patient, idle}, exit: "0"},
				{args: []string{"explain", patient, "-p", noPidfile, idle}, exit: "150"},
				{args: []string{"list", patient, idle}, exit: "0"},
			} {
				ask(t, q.args...).fits(t, "beside long links to the daemon", q.exit)
				tried++
			}
		}
		rounds.Held(t, tried)
	})
}

// nowhere are processes about which the kernel says ENAMETOOLONG, ENOTDIR or ELOOP.
var nowhere = []struct {
	what  string
	start func(t *testing.T) process
}{
	{"a working directory of more than 4,096 bytes", func(t *testing.T) process { return startDeep(t) }},
	{"a root directory of more than 4,096 bytes", func(t *testing.T) process { return startDeep(t, "HOW=root") }},
	{"a removed file of 248 bytes", func(t *testing.T) process {
		path := users + "/idle" + strings.Repeat("A", 244)
		copyFile(t, stranger, path)
		p := start(t, asUser(path))
		must(t, os.Remove(path))
		return p
	}},
	{"a script's name of 300 bytes", func(t *testing.T) process { return startAtFirst(t, strings.Repeat("A", 300)) }},
	{"a script in what is no directory", func(t *testing.T) process { return startAtFirst(t, "/etc/passwd/x") }},
	{"a script that is a link to itself", func(t *testing.T) process { return startAtFirst(t, users+"/loop") }},
}

// startDeep starts a program of another name as the daemon, in a deep directory.
func startDeep(t *testing.T, env ...string) process {
	t.Helper()
	home, err := os.MkdirTemp(users, "")
	must(t, err)
	must(t, os.Chmod(home, 0o755))
	dir := deepen(t, home, 5_000)
	defer unix.Close(dir)
	copyFile(t, stranger, home+"/idlex")
	command := asUser(home+"/idlex", "-f")
	command.Args[0] = idle
	command.Env = append(env, "COMM=idlex")
	command.Dir = fmt.Sprintf("/proc/self/fd/%d", dir)
	return start(t, command)
}

// startAtFirst starts the shell with a script's name, and keeps it from its first instruction (ptrace(2)).
func startAtFirst(t *testing.T, name string) process {
	t.Helper()
	command := asUser("/bin/sh", name)
	command.SysProcAttr.Ptrace, command.SysProcAttr.Pdeathsig = true, syscall.SIGKILL
	must(t, command.Start())
	p := process{Cmd: command}
	t.Cleanup(p.end)
	return p
}

func TestPathsToNowhere(t *testing.T) {
	onHost(t, func(t *testing.T) {
		runtime.LockOSThread() // a tracer is a thread
		h := newQuietHost(t)
		makeScript(t)
		must(t, os.Symlink("loop", users+"/loop"))
		tried := 0
		for range rounds.Of(1, 50) {
			for _, path := range nowhere {
				p := path.start(t)
				for _, daemon := range []string{idle, script} {
					tried += h.runsNot(t, path.what, daemon)
					h.asks(t, path.what, question{[]string{"start-stop-daemon", "--start", "--test", "--exec", daemon}, "0", ""})
					tried++
				}
				p.end()
			}
			if t.Failed() {
				return
			}
		}
		for _, path := range nowhere {
			path.start(t)
		}
		tried += h.asksAll(t, "all paths together")
		rounds.Held(t, tried)
	})
}

// The kernel says that their names are too long, and of what is not there it says more than ENOENT.
func TestPathsToNowhereControl(t *testing.T) {
	onHost(t, func(t *testing.T) {
		for link, p := range map[string]process{"cwd": startDeep(t), "root": startDeep(t, "HOW=root")} {
			if target, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", p.pid(), link)); !errors.Is(err, unix.ENAMETOOLONG) {
				t.Errorf("%s is %q, %v", link, target, err)
			}
		}
	})
}

// A process of the daemon's that does not listen, but has a deep directory open.
func TestDeepDescriptor(t *testing.T) {
	onHost(t, func(t *testing.T) {
		h := newQuietHost(t)
		dir := os.NewFile(uintptr(deepen(t, users, 5_000)), "deep")
		defer dir.Close()
		command := asUser(idle)
		command.ExtraFiles = []*os.File{dir}
		must(t, command.Start())
		p := process{Cmd: command}
		t.Cleanup(p.end)
		until(t, "it runs", func() bool {
			link, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pid()))
			return err == nil && link == idle
		})
		tried := rounds.Of(2, 200)
		for range tried {
			h.asks(t, "beside a deep descriptor", question{[]string{"check", "--unclaimed=listening", "-p", noPidfile, idle}, "3", ""})
		}
		rounds.Held(t, tried)
	})
}
