package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// The scripts' own commands, beside those of answers_test.go.

// exits N COMMAND…: the command ends with exactly this code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want := number(ts, "exits CODE COMMAND…", neg, args, 2)
	if got := runCommand(ts, args[1:]...); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// refuses COMMAND…: exit code 4, one line on stderr, nothing on stdout.
func refuses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: refuses COMMAND…")
	}
	if got := runCommand(ts, args...); got != 4 {
		ts.Fatalf("exit code %d, want 4", got)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("a refusal printed this on stdout: %q", out)
	}
	said := ts.ReadFile("stderr")
	if !strings.HasPrefix(said, "pidproof: ") || !oneLine(said) {
		ts.Fatalf("a refusal is one line, pidproof: WHY; this is %q", said)
	}
}

// via [COMMAND…]: run the commands that follow by this one (setpriv …).
func via(ts *testscript.TestScript, neg bool, args []string) {
	ts.Value(sessionKey{}).(*session).via = args
}

// read NAME FILE: set an environment variable to a file's content, as the shell
// does in NAME=$(cat FILE).
func read(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: read NAME FILE")
	}
	ts.Setenv(args[0], strings.TrimRight(ts.ReadFile(args[1]), "\n"))
}

// as ARGV0 PROGRAM ARG…: run a program (demod -daemonize) under another argv[0].
func as(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: as ARGV0 PROGRAM ARG…")
	}
	cmd := exec.Cmd{
		Path: ts.MkAbs(args[1]), Args: append(args[:1:1], args[2:]...), Dir: ts.MkAbs("."),
		Env: []string{"WORK=" + ts.Getenv("WORK")}, // endAll's mark
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// socket FILE…: a unix socket, listening until the script ends.
func socket(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		ts.Check(err)
		ts.Defer(func() { unix.Close(fd) })
		// $WORK alone may be longer than such an address can be.
		here, err := unix.Open(ts.MkAbs("."), unix.O_PATH|unix.O_CLOEXEC, 0)
		ts.Check(err)
		defer unix.Close(here)
		ts.Check(unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/%s", here, name)}))
		ts.Check(unix.Listen(fd, 1))
	}
}

// wait-for FILE…: until each is there and has content.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		ts.Check(pollUntil(name+" has content", func() bool {
			st, err := os.Stat(ts.MkAbs(name))
			return err == nil && st.Size() > 0
		}))
	}
}

// end [-KILL|-STOP…] PIDFILE…: signal the process, and wait until it has ended
// (-STOP: until it has stopped). It may become a zombie.
func end(ts *testscript.TestScript, neg bool, args []string) {
	sig := syscall.SIGTERM
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		sig = unix.SignalNum("SIG" + args[0][1:])
		args = args[1:]
	}
	if neg || sig == 0 || len(args) == 0 {
		ts.Fatalf("usage: end [-SIGNAL] PIDFILE…")
	}
	for _, pidfile := range args {
		pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(pidfile)))
		ts.Check(err)
		fd, err := unix.PidfdOpen(pid, 0)
		ts.Check(err)
		defer unix.Close(fd)
		ts.Check(unix.PidfdSendSignal(fd, sig, nil, 0))
		ts.Check(pollUntil(pidfile+"'s process obeyed "+sig.String(), func() bool {
			return hasEnded(fd) || sig == unix.SIGSTOP && isStopped(pid)
		}))
	}
}

func hasEnded(pidfd int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
	return err == nil && n > 0
}

func isStopped(pid int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	return err == nil && bytes.Contains(status, []byte("\nState:\tT "))
}

// remove-at-end PATH…: also when the script fails. For what lies outside $WORK.
func removeAtEnd(ts *testscript.TestScript, neg bool, args []string) {
	for _, path := range args {
		if !strings.Contains(path, ts.Getenv("TEST")) {
			ts.Fatalf("%s: only names that hold $TEST are removed", path)
		}
		ts.Defer(func() { os.RemoveAll(path) })
	}
}

// endAll kills, one by one, what a script started and left: every process that
// carries the script's $WORK in its environment.
func endAll(t *testing.T, work string) {
	err := pollUntil("all processes of "+work+" have ended", func() bool {
		left := 0
		dirs, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range dirs {
			if startedBy(dir, work) {
				left++
				pid, _ := strconv.Atoi(filepath.Base(dir))
				kill(pid, func() bool { return startedBy(dir, work) })
			}
		}
		return left == 0
	})
	if err != nil {
		t.Error(err)
	}
}

func startedBy(procDir, work string) bool {
	environ, err := os.ReadFile(filepath.Join(procDir, "environ"))
	return err == nil && bytes.Contains(append([]byte{0}, environ...), []byte("\x00WORK="+work+"\x00"))
}

// kill holds the process before it asks again whether it is the right one.
func kill(pid int, still func() bool) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err == nil {
		defer unix.Close(fd)
		if still() {
			unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		}
	}
}

func number(ts *testscript.TestScript, usage string, neg bool, args []string, atLeast int) int {
	if neg || len(args) < atLeast {
		ts.Fatalf("usage: %s", usage)
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("usage: %s", usage)
	}
	return n
}
