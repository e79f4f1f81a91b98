package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// Whatever ends the lab, while a tool hangs, no process of it goes on, and no mount; a file only after a KILL, which
// nobody can act on.
func TestInterrupted(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			dir := t.TempDir()
			copyScenario(t, "fifo", dir) // it hangs many
			cmd := lab(t, "-scenarios", dir, "-out", dir+"/out.md", "-deadline", "10m")
			tmp := strings.TrimPrefix(cmd.Env[len(cmd.Env)-1], "TMPDIR=")
			before := mounts(t)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// A program of the lab's directory is named by the daemon of the scenario, and by no other process of ours.
			until(t, "a tool hangs", func() bool {
				for _, pid := range processesWith(t, "DEMOD="+tmp) {
					comm, err := os.ReadFile("/proc/" + pid + "/comm")
					if err == nil && string(comm) == "webd\n" && hangs(t) {
						return true
					}
				}
				return false
			})
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("it ended well")
			}
			until(t, "all its processes have ended", func() bool { return len(processesWith(t, tmp)) == 0 })
			if after := mounts(t); after != before {
				t.Errorf("mounts before:\n%s\nand after:\n%s", before, after)
			}
			left, err := os.ReadDir(tmp)
			if err != nil || len(left) != 0 && signal != syscall.SIGKILL {
				t.Errorf("left in its directory: %v, %v", left, err)
			}
			if _, err := os.Stat(dir + "/out.md"); err == nil {
				t.Error("a table was written")
			}
		})
	}
}

// hangs tells whether a tool of the FIFO scenario waits for its writer.
func hangs(t *testing.T) bool {
	t.Helper()
	return len(processesWith(t, "cat\x00/run/webd.pid\x00")) > 0
}

func mounts(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
