package kernel

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
	"pidproof/testdata/must"
	"pidproof/testdata/need"
)

// Only what root has given a process makes it privileged: neither its file, nor a user
// namespace of its own, nor what pam_systemd(8) gives everybody who logs in.
func TestPrivileged(t *testing.T) {
	need.Root(t)
	need.Program(t, "setpriv")
	const user = "--reuid=65534 --regid=65534 --clear-groups "
	dir := t.TempDir()
	must.Do(t, os.Chmod(dir, 0o755))
	gives := filepath.Join(dir, "gives")
	content, err := os.ReadFile("/bin/sleep")
	must.Do(t, err)
	must.Do(t, os.WriteFile(gives, content, 0o755))
	// struct vfs_cap_data of include/uapi/linux/capability.h: version 2, effective, CAP_NET_BIND_SERVICE.
	capability := append([]byte{1, 0, 0, 2, 0, 4}, make([]byte, 14)...)
	must.Do(t, unix.Setxattr(gives, "security.capability", capability, 0))
	for _, c := range []struct {
		name, command string
		want          bool
	}{
		{"root", "sleep", true},
		{"a user", "setpriv " + user + "sleep", false},
		{"a user whom root left one", "setpriv " + user + "--inh-caps=+net_bind_service --ambient-caps=+net_bind_service sleep", true},
		{"a user at his seat", "setpriv " + user + "--inh-caps=+wake_alarm --ambient-caps=+wake_alarm sleep", false},
		{"a user's own namespace", "setpriv " + user + "unshare --user --map-root-user sleep", false},
		{"a file that has one", "setpriv " + user + gives, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			words := append(strings.Fields(c.command), "1000")
			sleeps := exec.Command(words[0], words[1:]...)
			sleeps.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			must.Do(t, sleeps.Start())
			t.Cleanup(func() { _ = sleeps.Process.Kill(); _ = sleeps.Wait() })
			h := ThisSystem()
			must.Do(t, h.Open())
			last := words[len(words)-2]
			awaitRunning(t, sleeps.Process.Pid, filepath.Base(last))
			if got, err := h.Privileged(sleeps.Process.Pid); got != c.want || err != nil {
				t.Errorf("%v, %v, want %v", got, err, c.want)
			}
		})
	}
	if got, err := ThisSystem().Privileged(fact.PIDMax - 1); got || !fact.Vanished(err) {
		t.Errorf("of no process: %v, %v", got, err)
	}
}

// awaitRunning waits until a process runs a program of that name.
func awaitRunning(t *testing.T, pid int, comm string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if stat, err := ThisSystem().ReadStat(pid); err == nil && stat.Comm == comm {
			return
		}
	}
	t.Fatalf("%d does not run %s", pid, comm)
}

// Whoever has a socket, who has made it stays known.
func TestRootsSocket(t *testing.T) {
	need.Root(t)
	made := func(how func(network string) (net.Listener, error)) fact.Socket {
		l, err := how("tcp")
		must.Do(t, err)
		t.Cleanup(func() { l.Close() })
		for _, s := range ThisSystem().Listening(os.Getpid()).Value {
			if s.Address == l.Addr().String() {
				return s
			}
		}
		t.Fatalf("%v is not found", l.Addr())
		return fact.Socket{}
	}
	if s := made(func(n string) (net.Listener, error) { return net.Listen(n, "127.0.0.1:0") }); !s.Roots {
		t.Errorf("root's: %+v", s)
	}
	his := func(network string) (net.Listener, error) {
		runtime.LockOSThread() // one thread's identity
		defer runtime.UnlockOSThread()
		must.Do(t, unix.Setfsuid(65534))
		defer func() { must.Do(t, unix.Setfsuid(0)) }()
		return net.Listen(network, "127.0.0.1:0")
	}
	if s := made(his); s.Roots {
		t.Errorf("a user's: %+v", s)
	}
}
