package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"pidproof/testdata/waiting"
)

// The commands of the scripts about stopping, waiting and starting: something
// runs while the script goes on.

// begun is a command that was begun and may still run.
type begun struct {
	*exec.Cmd
	out, err string // files
	ended    chan struct{}
}

// begin NAME COMMAND…: in the background; see ends.
func begin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: begin NAME COMMAND…")
	}
	name, argv := args[0], append(slices.Clone(ts.Value(sessionKey{}).(*session).via), args[1:]...)
	path := argv[0]
	if !strings.Contains(path, "/") {
		path = lookPath(ts, path)
	}
	b := &begun{out: ts.MkAbs(name + ".out"), err: ts.MkAbs(name + ".err"), ended: make(chan struct{})}
	b.Cmd = &exec.Cmd{Path: path, Args: argv, Dir: ts.MkAbs(".")}
	for _, name := range []string{"WORK", "PATH", "TERM", "TEST", "DEMOD", "PIDPROOF", "PIDPROOF_INSTANCES"} {
		b.Env = append(b.Env, name+"="+ts.Getenv(name))
	}
	stdout, err := os.Create(b.out)
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(b.err)
	ts.Check(err)
	defer stderr.Close()
	b.Stdout, b.Stderr = stdout, stderr
	ts.Check(b.Start())
	go func() { _ = b.Wait(); close(b.ended) }()
	ts.Value(sessionKey{}).(*session).begun[name] = b
}

// lookPath goes by the script's PATH.
func lookPath(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if unix.Access(path, unix.X_OK) == nil {
			return path
		}
	}
	ts.Fatalf("%s is not in PATH", name)
	return ""
}

func theBegun(ts *testscript.TestScript, usage string, neg bool, args []string, n int) *begun {
	if neg || len(args) != n {
		ts.Fatalf("usage: %s", usage)
	}
	b := ts.Value(sessionKey{}).(*session).begun[args[n-1]]
	if b == nil {
		ts.Fatalf("%s was not begun", args[n-1])
	}
	return b
}

// awaits NAME: until the command waits for events.
func awaits(ts *testscript.TestScript, neg bool, args []string) {
	b := theBegun(ts, "awaits NAME", neg, args, 1)
	ts.Check(pollUntil(args[0]+" waits", func() bool {
		select {
		case <-b.ended:
			ts.Fatalf("%s has ended: %v", args[0], b.ProcessState)
		default:
		}
		return inPoll(b.Process.Pid)
	}))
}

// inPoll reports that one of a process's threads is in unix.Poll; Go's own sleep
// in epoll_pwait(2) and futex(2).
func inPoll(pid int) bool {
	threads, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/syscall")
	return slices.ContainsFunc(threads, func(path string) bool {
		call, err := os.ReadFile(path)
		return err == nil && strings.HasPrefix(string(call), strconv.Itoa(unix.SYS_PPOLL)+" ")
	})
}

// interrupt SIGNAL NAME: as Ctrl-C does with INT.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	b := theBegun(ts, "interrupt SIGNAL NAME", neg, args, 2)
	ts.Check(b.Process.Signal(unix.SignalNum("SIG" + args[0])))
}

// ends CODE|SIGNAL NAME: the command ends, with exactly this code or by this
// signal. Its output is there for the next stdout and stderr lines.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	b := theBegun(ts, "ends CODE|SIGNAL NAME", neg, args, 2)
	select {
	case <-b.ended:
	case <-time.After(waiting.Limit):
		ts.Fatalf("%s has not ended, %v later", args[1], waiting.Limit)
	}
	ts.Check(ts.Exec("sh", "-c", `cat "$1"; cat "$2" >&2`, "sh", b.out, b.err))
	got := strconv.Itoa(b.ProcessState.ExitCode())
	if status := b.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		got = strings.TrimPrefix(unix.SignalName(status.Signal()), "SIG")
	}
	if got != args[0] {
		ts.Fatalf("%s ended with %s, want %s", args[1], got, args[0])
	}
}

// sleeps NAME: the command, which waits, is hardly woken while another second and
// more goes by, as proc_pid_status(5) tells: less often than 40 times a second. One that
// looks every 50 ms, on all of its threads, comes to 60.
// The thread that Go's runtime watches the others from does not count: it naps some
// sixty times after each, and on a busy machine without end. There others nap, too, now and
// then: who really looks is woken each time that it is tried.
func sleeps(ts *testscript.TestScript, neg bool, args []string) {
	b := theBegun(ts, "sleeps NAME", neg, args, 1)
	awaits(ts, false, args)
	const tries = 5
	for try := range tries {
		before, from := contextSwitches(ts, b.Process.Pid), time.Now()
		if got := runCommand(ts, "pidproof", "wait", "started", "-t", "1.5", "-p", "/no-directory/none.pid", "sh"); got != 1 {
			ts.Fatalf("exit code %d, want 1", got)
		}
		woken, passed := contextSwitches(ts, b.Process.Pid)-before, time.Since(from) // a busy machine takes longer
		if float64(woken) <= 40*passed.Seconds() {
			return
		}
		if try == tries-1 {
			ts.Fatalf("%s was woken %d times in %v", args[0], woken, passed)
		}
	}
}

func contextSwitches(ts *testscript.TestScript, pid int) (sum int) {
	threads, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/status")
	busiest := 0
	for _, path := range threads {
		_, after, found := strings.Cut(ts.ReadFile(path), "\nvoluntary_ctxt_switches:")
		count, _, _ := strings.Cut(strings.TrimSpace(after), "\n")
		n, err := strconv.Atoi(count)
		if !found || err != nil {
			ts.Fatalf("%s: %v", path, err)
		}
		sum += n
		busiest = max(busiest, n)
	}
	if sum == 0 {
		ts.Fatalf("process %d has no threads", pid)
	}
	return sum - busiest
}

// alive PIDFILE…: a process of each number runs, and it is this script's.
func isAlive(ts *testscript.TestScript, neg bool, args []string) {
	for _, pidfile := range args {
		pid := strings.TrimSpace(ts.ReadFile(pidfile))
		runs := startedBy("/proc/"+pid, ts.Getenv("WORK"))
		if !neg { // between two programs it has no environment
			ts.Check(pollUntil(pidfile+"'s process is seen to run", func() bool {
				runs = startedBy("/proc/"+pid, ts.Getenv("WORK"))
				return runs || isOver(pid)
			}))
		}
		switch {
		case runs && neg:
			ts.Fatalf("%s's process %s runs", pidfile, pid)
		case !runs && !neg:
			ts.Fatalf("%s's process %s has ended", pidfile, pid)
		}
	}
}

// isOver reports that a process has ended, whether it was collected or not.
func isOver(pid string) bool {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	return err != nil || strings.Contains(string(status), "\nState:\tZ ")
}

// dies PIDFILE…: until each process, which has been signalled, has ended.
func dies(ts *testscript.TestScript, neg bool, args []string) {
	for _, pidfile := range args {
		pid := strings.TrimSpace(ts.ReadFile(pidfile))
		ts.Check(pollUntil(pidfile+"'s process has ended", func() bool {
			if startedBy("/proc/"+pid, ts.Getenv("WORK")) {
				return false
			}
			// Its environment goes before it is a zombie; or somebody else has the number.
			_, err := os.Readlink("/proc/" + pid + "/exe")
			return isOver(pid) || err == nil
		}))
	}
}

// either is a pattern for signals, of which FIRST+SECOND may come in any order.
func either(signals string) *regexp.Regexp {
	return regexp.MustCompile("^" + regexp.MustCompile(`(\S+)\+(\S+)`).ReplaceAllString(signals, "($1 $2|$2 $1)") + "$")
}

// records FILE SIGNAL…: until demod -record has written these, in this order, and
// nothing else. FIRST+SECOND may come in either: of two that are sent at once, who is to
// take them sees on a busy machine only that both have come.
func records(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: records FILE SIGNAL…")
	}
	want, got := strings.Join(args[1:], " "), ""
	err := pollUntil(args[0]+" holds "+want, func() bool {
		content, err := os.ReadFile(ts.MkAbs(args[0]))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			ts.Fatalf("%v", err)
		}
		got = strings.Join(strings.Fields(string(content)), " ")
		return either(want).MatchString(got) || len(got) > len(want)
	})
	if !either(want).MatchString(got) {
		ts.Fatalf("%s holds %q, want %q (%v)", args[0], got, want, err)
	}
}
