package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/testdata/waiting"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestHost(t *testing.T) {
	t.Parallel()
	h := Boot(t)

	if init := h.Must(t, "readlink /proc/1/exe; runlevel"); init != "/usr/sbin/init\nN 2\n" {
		t.Errorf("PID 1 and its runlevel: %q", init)
	}
	lifeOfAService(t, h)
	if got, want := h.Sh(t, "echo out; echo err >&2; exit 7"), (Result{7, "out\n", "err\n"}); got != want {
		t.Errorf("Sh = %+v, want %+v", got, want)
	}
	if code := h.Sh(t, "kill -KILL $$").Code; code != -1 {
		t.Errorf("exit code of a killed command: %d", code)
	}
	// Debian's init scripts leave daemons behind that keep the caller's pipes.
	result := h.Sh(t, "sleep 36000 & echo $!")
	if pid := number(result.Stdout); result.Code != 0 || !lives(t, h, pid) {
		t.Errorf("a background process held the caller until its end: %+v", result)
	}

	t.Run("the machine is out of reach", func(t *testing.T) {
		name := "/etc/pidproof-lab-" + fmt.Sprint(os.Getpid())
		h.Must(t, "touch "+name)
		if _, err := os.Lstat(name); !os.IsNotExist(err) {
			t.Errorf("a file made in the host shows on the machine: %v", err)
		}
		if out := h.Must(t, "ls /proc | grep -c '^[0-9]'"); out > "9\n" {
			t.Errorf("the host sees %s processes, also the machine's", strings.TrimSpace(out))
		}
		// init changes owner and mode of its console, which here is a second null device.
		const file = "stat -c %d:%i "
		machine, err := exec.Command("/bin/sh", "-c", file+"/dev/null").Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range []string{"/dev/null", "/dev/console"} {
			if h.Must(t, file+node) == string(machine) {
				t.Errorf("the host's %s is the machine's /dev/null", node)
			}
		}
		if result := h.Sh(t, "cd /proc/sys/kernel && now=$(cat printk) && echo \"$now\" >printk"); result.Code == 0 {
			t.Error("the host may write the kernel's settings")
		}
	})
}

// A test that is killed (go test -timeout, Ctrl-C, a CI job that is cancelled) has no time for its cleanups.
func TestHostEndsWithTheTestProcess(t *testing.T) {
	t.Parallel()
	for name, boot := range map[string]func(*testing.T) *Host{"sysvinit": Boot, "systemd": BootSystemd} {
		t.Run(name, func(t *testing.T) { testKilled(t, boot) })
	}
}

func testKilled(t *testing.T, boot func(*testing.T) *Host) {
	if os.Getenv("PIDPROOF_LAB_HANG") != "" {
		h := boot(t)
		h.Must(t, "setsid sleep 600 >/dev/null 2>&1 &")
		fmt.Println("booted", h.init.Pid, h.dir)
		select {}
	}
	needs(t)
	ctx, cancel := context.WithTimeout(t.Context(), waiting.Limit)
	defer cancel()
	test := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
	test.Env = append(os.Environ(), "PIDPROOF_LAB_HANG=1", "TMPDIR="+t.TempDir())
	stdout, err := test.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := test.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	h := &Host{}
	if _, err := fmt.Fscanln(stdout, new(string), &pid, &h.dir); err != nil {
		_ = test.Process.Kill()
		rest, _ := io.ReadAll(stdout)
		t.Fatalf("the test in the test did not boot: %v: %s", err, rest)
	}
	if h.init, err = os.FindProcess(pid); err != nil {
		t.Fatal(err)
	}
	if err := h.openNamespaces(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.init.Kill() })
	if left := h.remains(t); len(left) < 4 {
		t.Errorf("init and sleep run and see their root's mount, but only this was found: %q", left)
	}

	if err := test.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = test.Wait() // "signal: killed"
	eventually(t, "nothing remains of the host", func() bool { return len(h.remains(t)) == 0 })
	eventually(t, "the next one removes its cgroup, empty by now", func() bool {
		own, err := newCgroup()
		if err != nil {
			t.Fatal(err)
		}
		theirs := fmt.Sprintf("%s%d-*", cgroupPrefix, test.Process.Pid)
		left, err := filepath.Glob(own.path(filepath.Join(filepath.Dir(own.name), theirs)))
		return errors.Join(err, own.remove()) == nil && len(left) == 0
	})
}
