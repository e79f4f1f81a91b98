package scan

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRoom(t *testing.T) {
	r := room{{40000, 20, "kernel.pid_max"}, {200, 50, "RLIMIT_NPROC"}}
	for processes, want := range map[int]string{
		100:   "",
		101:   "RLIMIT_NPROC leaves room for 100 when others keep a quarter",
		29981: "kernel.pid_max leaves room for 29,980 when others keep a quarter",
	} {
		if got := r.lacks(processes); got != want {
			t.Errorf("%d: %q, not %q", processes, got, want)
		}
	}
	if got := (room{{5, 5, "memory"}}).lacks(10); got != "memory leaves room for 0 when others keep a quarter" {
		t.Error(got)
	}
	if r, err := hostRoom(); err != nil || len(r) < 3 || r.lacks(1<<22) == "" {
		t.Errorf("this machine: %v, %v", r, err)
	}
}

// The limits of all groups above count, too.
func TestCgroupRoom(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"a/pids.max": "500", "a/pids.current": "100",
		"a/b/pids.max": "max", "a/b/pids.current": "50",
		"a/b/memory.max": "1073741824", "a/b/memory.current": "536870912",
		"memory/c/memory.limit_in_bytes": "1048576", "memory/c/memory.usage_in_bytes": "0",
		"other/pids.max": "1", "other/pids.current": "1",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := cgroupRoom(root, "4:memory:/c\n9:name=systemd:/\n0::/a/b\n")
	want := room{{4, 0, "the cgroup's memory limit"}, {4096, 2048, "the cgroup's memory.max"}, {500, 100, "the cgroup's pids.max"}}
	if len(got) != len(want) {
		t.Fatalf("%v, not %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, not %v", got[i], want[i])
		}
	}
}
