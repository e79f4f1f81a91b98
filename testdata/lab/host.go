// Package lab boots real hosts for tests: Debian's sysvinit, OpenRC or systemd as PID 1 of its own namespaces, over an
// overlay of this machine's root, or of Debian 13's. What a test installs, starts or breaks there never reaches the machine.
package lab

import (
	"bytes"
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"pidproof/testdata/debs"
	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

//go:embed boot.sh
var bootScript string

// Host is a booted machine. It ends with the test that booted it, or with the test process, however that dies.
type Host struct {
	debian debs.Debian // whose root it has

	init  *os.Process
	dir   string   // where its root is mounted while it boots; the name of its mounts in every mountinfo
	pidns *os.File // /proc/INIT/ns/pid; held open, so that no later namespace gets its number
	netns *os.File // /proc/INIT/ns/net

	dpkgLock sync.Mutex // see dpkgAlone

	cgroup *cgroup // nil unless the init needs one: the host's processes then stay in the test's

	ended  chan struct{} // closed when init is gone, and with it everything in its PID namespace
	output bytes.Buffer  // what boot.sh said; complete once ended
}

// dpkgAlone keeps others that share the host from calling dpkg until this test ends: it locks its database, and refuses.
func (h *Host) dpkgAlone(t *testing.T) {
	t.Helper()
	h.dpkgLock.Lock()
	t.Cleanup(h.dpkgLock.Unlock)
}

// Boot returns a host under sysvinit, in runlevel 2, its loopback up and no service running. When the test ends the host
// is killed, and the test fails if a process or a mount of it remains.
func Boot(t *testing.T) *Host {
	t.Helper()
	needs(t)
	h := &Host{debian: debs.Machine}
	return h.boot(t, "sysvinit", h.fetch(t, "download", "sysvinit-core", "sysv-rc", "initscripts", "insserv", "startpar"))
}

// boot starts the host with the arguments of boot.sh that come after the root.
func (h *Host) boot(t *testing.T, how ...string) *Host {
	t.Helper()
	h.dir, h.ended = t.TempDir(), make(chan struct{})
	if err := h.start(how); err != nil {
		t.Fatalf("starting a host: %v (EPERM: a root that may not make namespaces)", err)
	}
	t.Cleanup(func() { h.end(t) })
	booted := waiting.Until(func() bool {
		select {
		case <-h.ended:
			t.Fatalf("the host died while booting: %s", h.output.String())
		default:
		}
		_, err := os.Stat(h.path("root/run/booted"))
		return err == nil
	})
	if !booted {
		log, err := os.ReadFile(h.path("root/run/boot.log"))
		t.Fatalf("the host has not booted after %v: %s (%v)", waiting.Limit, log, err)
	}
	if err := h.openNamespaces(); err != nil {
		t.Fatal(err)
	}
	if err := h.loopbackUp(); err != nil {
		t.Fatalf("the host's loopback: %v", err)
	}
	return h
}

func needs(t *testing.T) {
	t.Helper()
	need.Root(t)
	need.Program(t, "apt-get")
	need.Program(t, "nsenter")
}

// start runs boot.sh as PID 1 of new namespaces.
func (h *Host) start(how []string) error {
	boot := exec.Command("/bin/sh", append([]string{"-c", bootScript, "boot.sh", h.dir, h.debian.Root}, how...)...)
	boot.Stdout, boot.Stderr = &h.output, &h.output
	boot.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Setsid:     true, // Ctrl-C is meant for the test; init would take SIGINT for Ctrl-Alt-Del
		Pdeathsig:  syscall.SIGKILL,
	}
	h.cgroup.root(boot)
	started := make(chan error)
	go func() {
		// PDEATHSIG comes when the thread that forked ends, prctl(2), not only the process: keep it while init runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := inSmallNetwork(boot.Start)
		started <- err
		if err != nil {
			return
		}
		if err := boot.Wait(); err != nil {
			h.output.WriteString(err.Error())
		}
		close(h.ended)
	}()
	err := <-started
	h.init = boot.Process
	return err
}

func (h *Host) openNamespaces() (err error) {
	if h.pidns, err = os.Open(h.path("ns/pid")); err != nil {
		return err
	}
	h.netns, err = os.Open(h.path("ns/net"))
	return err
}

// path names a file in /proc/INIT. Below root/ it is a file of the host; an absolute link there leads back to the machine.
func (h *Host) path(name string) string {
	return filepath.Join("/proc", strconv.Itoa(h.init.Pid), name)
}

// end kills the host and fails the test if anything of it remains.
func (h *Host) end(t *testing.T) {
	t.Helper()
	if t.Failed() && h.netns != nil {
		t.Logf("the host's processes at the end:\n%s", h.Run(t, "ps", "-eo", "pid,ppid,pgid,etimes,args", "--forest").Stdout)
	}
	if err := h.init.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("killing the host: %v", err)
	}
	eventually(t, "the host has ended", func() bool {
		select {
		case <-h.ended:
			return true
		default:
			return false
		}
	})
	var left []string
	if !waiting.Until(func() bool { left = h.remains(t); return len(left) == 0 }) {
		t.Errorf("the host left behind:\n%s", strings.Join(left, "\n"))
	}
	_ = h.pidns.Close() // nil when the boot failed, which Close allows
	_ = h.netns.Close()
}
