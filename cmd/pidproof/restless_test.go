package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A daemon that executes itself from another thread than its first, as Go's
// syscall.Exec does: for a moment it has the state of the thread that ended, and no
// executable. It lives all the time, and 2 to 4 of 100 answers said otherwise.
func TestProgramThatExecutesItself(t *testing.T) {
	dir := t.TempDir()
	daemon, pidfile := filepath.Join(dir, "restless"), filepath.Join(dir, "pid")
	content, err := os.ReadFile(filepath.Join(programs, "demod"))
	if err == nil {
		err = os.WriteFile(daemon, content, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	restless := exec.Command(daemon, "-restless", "-pidfile", pidfile)
	if err := restless.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = restless.Process.Kill(); _ = restless.Wait() })
	pid := strconv.Itoa(restless.Process.Pid)
	if err := pollUntil("the pidfile is there", func() bool {
		content, _ := os.ReadFile(pidfile)
		return strings.TrimSpace(string(content)) == pid
	}); err != nil {
		t.Fatal(err)
	}
	pidproof := filepath.Join(programs, "pidproof")
	for range 50 {
		for _, args := range [][]string{
			{"check", "-q", "-p", pidfile, daemon},
			{"pidof", daemon},
			{"start-stop-daemon", "--status", "--exec", daemon},
			{"start-stop-daemon", "--status", "--pidfile", pidfile, "--exec", daemon},
		} {
			if said, err := exec.Command(pidproof, args...).CombinedOutput(); err != nil || args[0] == "pidof" && string(said) != pid+"\n" {
				t.Fatalf("%v: %v: %s", args, err, said)
			}
		}
	}
}
