package lab

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pidproof/testdata/must"
	"pidproof/testdata/supervise"
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
		t.Run(name, func(t *testing.T) {
			test := hang(t, boot)
			must.Do(t, test.cmd.Process.Kill())
			_ = test.cmd.Wait() // "signal: killed"
			eventually(t, "nothing remains of the host", func() bool { return len(test.host.remains(t)) == 0 })
			eventually(t, "the next one removes its cgroup, empty by now", func() bool {
				own, err := newCgroup()
				must.Do(t, err)
				return own.remove() == nil && len(test.groups(t)) == 0
			})
		})
	}
}

// Ctrl-C in `make test` left a control group, and folders in /tmp.
func TestInterruptedLeavesNothing(t *testing.T) {
	t.Parallel()
	t.Run("systemd", func(t *testing.T) {
		test := hang(t, BootSystemd)
		if len(test.groups(t)) == 0 {
			t.Error("it runs, and has no cgroup")
		}
		must.Do(t, test.cmd.Process.Signal(syscall.SIGINT))
		_ = test.cmd.Wait() // "exit status 1"
		left, err := os.ReadDir(test.tmp)
		must.Do(t, err)
		if groups, processes := test.groups(t), test.host.remains(t); len(left)+len(groups)+len(processes) > 0 {
			t.Errorf("left: %v %q %q", left, groups, processes)
		}
	})
}

// hanging is a test process that has booted a host, and waits for its end.
type hanging struct {
	cmd  *exec.Cmd
	host *Host
	pid  int    // of the process that booted: cmd is its supervisor
	tmp  string // its folder for temporary files
}

// hang runs the test that calls it once more; in there it does not return.
func hang(t *testing.T, boot func(*testing.T) *Host) hanging {
	t.Helper()
	if os.Getenv("PIDPROOF_LAB_HANG") != "" {
		h := boot(t)
		h.Must(t, "setsid sleep 600 >/dev/null 2>&1 &")
		fmt.Println("booted", os.Getpid(), h.init.Pid, h.dir)
		select {}
	}
	needs(t)
	ctx, cancel := context.WithTimeout(t.Context(), waiting.Limit)
	t.Cleanup(cancel)
	test := hanging{host: &Host{}, tmp: t.TempDir()}
	test.cmd = exec.CommandContext(ctx, os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
	test.cmd.Env = append(os.Environ(), supervise.Again, "PIDPROOF_LAB_HANG=1", "TMPDIR="+test.tmp)
	stdout, err := test.cmd.StdoutPipe()
	must.Do(t, err)
	must.Do(t, test.cmd.Start())
	init := 0
	if _, err := fmt.Fscanln(stdout, new(string), &test.pid, &init, &test.host.dir); err != nil {
		_ = test.cmd.Process.Kill()
		rest, _ := io.ReadAll(stdout)
		t.Fatalf("the test in the test did not boot: %v: %s", err, rest)
	}
	test.host.init, err = os.FindProcess(init)
	must.Do(t, err)
	must.Do(t, test.host.openNamespaces())
	t.Cleanup(func() { _ = test.host.init.Kill() })
	if left := test.host.remains(t); len(left) < 4 {
		t.Errorf("init and sleep run and see their root's mount, but only this was found: %q", left)
	}
	return test
}

// groups are the control groups that it has made.
func (test hanging) groups(t *testing.T) []string {
	t.Helper()
	mount, err := mountCgroups()
	must.Do(t, err)
	defer mount.Close()
	own, err := ownCgroup()
	must.Do(t, err)
	groups, err := filepath.Glob(below(mount, filepath.Join(own, fmt.Sprintf("%s%d-*", cgroupPrefix, test.pid))))
	must.Do(t, err)
	return groups
}
