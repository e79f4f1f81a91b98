package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// A daemon that executes itself from another thread than its first, as Go's
// syscall.Exec does: for a moment it has the state of the thread that ended, and no
// executable. It lives all the time, and 2 to 4 of 100 answers said otherwise.
func TestProgramThatExecutesItself(t *testing.T) {
	d := startCopy(t, "-restless")
	pid := strconv.Itoa(d.Process.Pid)
	pidproof := filepath.Join(programs, "pidproof")
	for range 50 {
		for _, args := range [][]string{
			{"check", "-q", "-p", d.pidfile, d.path},
			{"pidof", d.path},
			{"start-stop-daemon", "--status", "--exec", d.path},
			{"start-stop-daemon", "--status", "--pidfile", d.pidfile, "--exec", d.path},
		} {
			if said, err := exec.Command(pidproof, args...).CombinedOutput(); err != nil || args[0] == "pidof" && string(said) != pid+"\n" {
				t.Fatalf("%v: %v: %s", args, err, said)
			}
		}
	}
}

// What is said to be gone may be the thread whose place another has taken, and the number is in use: pidof left it out.
func TestGoneAndThere(t *testing.T) {
	need.Root(t) // another may not look into a process whose first thread has ended
	strace := need.Program(t, "strace")
	d := startCopy(t, "-headless")
	pid := strconv.Itoa(d.Process.Pid)
	if err := pollUntil("its first thread has ended", func() bool {
		_, err := os.Readlink("/proc/" + pid + "/exe")
		return os.IsNotExist(err)
	}); err != nil {
		t.Fatal(err)
	}
	calls := filepath.Join(t.TempDir(), "calls")
	for _, errno := range []string{"ENOENT", "ESRCH"} {
		said, log := []byte(nil), ""
		var err error
		// strace counts by thread, and on a busy machine each of several may be told so twice.
		if once := pollUntil("one thread is told so", func() bool {
			pidof := exec.Command(strace, "-f", "-qq", "--signal=none", "-o", calls, "-P", "/proc/"+pid,
				"-e", "inject=newfstatat:error="+errno+":when=1..2", filepath.Join(programs, "pidproof"), "pidof", d.path)
			said, err = pidof.CombinedOutput()
			content, _ := os.ReadFile(calls)
			log = string(content)
			injected := strings.Count(log, "(INJECTED)")
			return injected == 1 || injected == 2
		}); once != nil {
			t.Fatalf("%s: %v: %s", errno, once, log)
		}
		if err != nil || string(said) != pid+"\n" {
			t.Errorf("%s: %v: %s, want %s; %s", errno, err, said, pid, log)
		}
	}
}

// startCopy starts a demod that nobody else runs; a flag gives it its way of living.
func startCopy(t *testing.T, flag string) demod {
	t.Helper()
	dir := t.TempDir()
	d := demod{path: filepath.Join(dir, "demod"), pidfile: filepath.Join(dir, "pid")}
	content, err := os.ReadFile(filepath.Join(programs, "demod"))
	if err == nil {
		err = os.WriteFile(d.path, content, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.Cmd = exec.Command(d.path, flag, "-pidfile", d.pidfile)
	startForTest(t, d.Cmd)
	if err := named(d.pidfile, d.Process.Pid); err != nil {
		t.Fatal(err)
	}
	return d
}
