package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

func TestBounded(t *testing.T) {
	for script, want := range map[string]outcome{
		"echo out; echo err >&2; exit 3": {Exit: 3, Stdout: "out\n", Stderr: "err\n"},
		"kill -KILL $$":                  {Exit: 128 + 9},
		"head -c 100000 /dev/zero":       {Stdout: strings.Repeat("\x00", enough)},
	} {
		if said, err := bounded(exec.Command("sh", "-c", script), waiting.Limit); err != nil || said != want {
			t.Errorf("%s: %+.60v, %v", script, said, err)
		}
	}
	if _, err := bounded(exec.Command("/nonexistent"), waiting.Limit); err == nil {
		t.Error("what is not there has run")
	}
}

// A hang ends with the deadline, and so do all processes of the tool: here a pipeline, one of which ignores TERM.
func TestHang(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(mark, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `trap "" TERM; cat "$1" | cat "$1"`, "sh", mark)
	said, err := bounded(cmd, 50*time.Millisecond)
	if err != nil || said != (outcome{Hung: true}) {
		t.Errorf("%+v, %v", said, err)
	}
	until(t, "all its processes have ended", func() bool { return len(processesWith(t, mark)) == 0 })
	p := played{question: question{Status: running}}
	if c := p.judge(tools[0], answer{tools[0].name, askStatus, said}); c != hang {
		t.Errorf("the cell is %s", c)
	}
}

// Who is at work when the deadline has passed does not hang; who is at work for ever does.
func TestSlow(t *testing.T) {
	const slow = `i=0; until [ "$(cut -d. -f1 /proc/uptime)" -ge $((begun + $1)) ]; do i=$((i + 1)); done`
	const deadline = time.Second
	for seconds, want := range map[string]outcome{"2": {Exit: 3}, "1000": {Hung: true}} {
		cmd := exec.Command("sh", "-c", "begun=$(cut -d. -f1 /proc/uptime); "+slow+"; exit 3", "sh", seconds)
		if said, err := bounded(cmd, deadline); err != nil || said != want {
			t.Errorf("%s s of work: %+v, %v", seconds, said, err)
		}
	}
}

// One that no signal ends, in state D, does not hang the lab.
func TestHangInStateD(t *testing.T) {
	need.Root(t)
	need.File(t, "/dev/fuse")
	dir := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", "pidproof/testdata/compare/argvd")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	dead := filepath.Join(dir, "dead")
	server := exec.Command(dir+"/argvd", "-dead", dead)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if err := unix.Unmount(dead, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	until(t, "the file system is mounted", func() bool {
		var fs unix.Statfs_t
		return unix.Statfs(filepath.Dir(dead), &fs) == nil && mounted(t, dead)
	})
	cmd := exec.Command("cat", dead)
	said, err := bounded(cmd, 200*time.Millisecond)
	if err != nil || !said.Hung {
		t.Errorf("%+v, %v", said, err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if err != nil || !strings.Contains(string(stat), ") D ") {
		t.Errorf("it is not in state D, which this test is about: %s, %v", stat, err)
	}
}

func mounted(t *testing.T, path string) bool {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(mounts), " "+path+" ")
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	if !waiting.Until(is) {
		t.Fatalf("never came: %s", what)
	}
}

// processesWith lists the processes that have this text in their arguments or environment.
func processesWith(t *testing.T, text string) (pids []string) {
	t.Helper()
	for _, name := range []string{"cmdline", "environ"} {
		files, err := filepath.Glob("/proc/[0-9]*/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.Contains(readInTime(file), text) {
				pids = append(pids, strings.Split(file, "/")[2])
			}
		}
	}
	return pids
}

// readInTime returns "" for a process that has ended, and for one of somebody else's that lets us wait.
func readInTime(file string) string {
	content := make(chan string, 1)
	go func() {
		text, _ := os.ReadFile(file)
		content <- string(text)
	}()
	select {
	case text := <-content:
		return text
	case <-time.After(time.Second):
		return ""
	}
}
