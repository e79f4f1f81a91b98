package ondemand

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pidproof/testdata/need"
)

// sleeper starts a process that ends when the test does.
func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(need.Program(t, "sleep"), "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// groups lays out control groups as below /sys/fs/cgroup: group and its PIDs.
func groups(t *testing.T, root string, of map[string]string) {
	t.Helper()
	for group, pids := range of {
		if err := os.MkdirAll(root+group, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+group+"/cgroup.procs", []byte(pids), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func cgroupsAt(t *testing.T, roots ...string) {
	old := cgroupRoots
	t.Cleanup(func() { cgroupRoots = old })
	cgroupRoots = roots
}

func TestPidsIn(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	cgroupsAt(t, filepath.Join(first, "nosuch"), first, second)
	groups(t, first, map[string]string{"/a.slice/x.service": "1\n22\n", "/a.slice/x.service/sub/deep": "333\n",
		"/a.slice/y.service": "4\n", "/empty": ""})
	groups(t, second, map[string]string{"/a.slice/x.service": "5\n", "/empty": "6\n", "/odd": "0\n-7\nx\n8\n"})
	for group, want := range map[string]string{
		"/a.slice/x.service": "1 22 333", // the first hierarchy that has some, and all below
		"/empty":             "6",
		"/odd":               "8", // 0: of another PID namespace, cgroups(7)
		"/nosuch":            "",
		"":                   "", // nothing runs
		"/":                  "", // would be everything
	} {
		pids, err := pidsIn(group)
		if got := pidList(pids); err != nil || got != want {
			t.Errorf("%q: %q, want %q", group, got, want)
		}
	}
}

func pidList(pids []int) string {
	var words []string
	for _, pid := range pids {
		words = append(words, strconv.Itoa(pid))
	}
	return strings.Join(words, " ")
}

// A real control group, of the kernel's.
func TestPidsInRealGroup(t *testing.T) {
	need.Root(t)
	name := "/pidproof-test-" + strconv.Itoa(os.Getpid())
	for _, root := range cgroupRoots {
		below := root + name + "/below"
		if os.MkdirAll(below, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { os.Remove(root + name) })
		t.Cleanup(func() { os.Remove(below) })
		if _, err := os.Stat(below + "/cgroup.procs"); err != nil {
			continue // a tmpfs with hierarchies in it
		}
		cmd := sleeper(t)
		if err := os.WriteFile(below+"/cgroup.procs", []byte(strconv.Itoa(cmd.Process.Pid)), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := pidsIn(name); err != nil || !slices.Equal(got, []int{cmd.Process.Pid}) {
			t.Errorf("%s: %v, want %d", root, got, cmd.Process.Pid)
		}
		return
	}
	need.File(t, "/sys/fs/cgroup/cgroup.procs") // a control group that can be made
}

// What was held is awaited, not what has its number.
func TestAwait(t *testing.T) {
	root := t.TempDir()
	cgroupsAt(t, root)
	one, two := sleeper(t), sleeper(t)
	ended := exec.Command(need.Program(t, "true"))
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	groups(t, root, map[string]string{"/x": pidList([]int{one.Process.Pid, two.Process.Pid, ended.Process.Pid})})
	s := Service{Unit: &Unit{Cgroup: "/x"}}
	held, err := s.HoldProcesses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if left := held.Await(time.Now()); !slices.Equal(left, []int{one.Process.Pid, two.Process.Pid}) {
		t.Errorf("%v", left)
	}
	if err := one.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = one.Wait()
	began := time.Now()
	if left := held.Await(began.Add(4 * standingTick)); !slices.Equal(left, []int{two.Process.Pid}) ||
		time.Since(began) < 4*standingTick {
		t.Errorf("%v after %v", left, time.Since(began))
	}
	if err := two.Process.Kill(); err != nil { // a zombie has ended, too
		t.Fatal(err)
	}
	if left := held.Await(time.Now().Add(10 * time.Second)); len(left) > 0 {
		t.Errorf("%v", left)
	}
	fds := held.fds
	held.Release()
	held.Release()
	for _, fd := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd)); err == nil && strings.Contains(target,
			"pidfd") {
			t.Errorf("descriptor %d is still open", fd)
		}
	}
	if none, err := (&Service{}).HoldProcesses(t.Context()); err != nil || len(none.Await(time.Now())) > 0 {
		t.Errorf("without systemd: %v", err)
	}
}

func TestReturnString(t *testing.T) {
	if a, b := (Return{}).String(), (Return{PID: 7}).String(); a != "came back" || b != "came back as process 7" {
		t.Errorf("%q, %q", a, b)
	}
}
