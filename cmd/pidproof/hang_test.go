package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/exitcode"
	"pidproof/cmd/pidproof/internal/ssd"
	"pidproof/matcher"
	"pidproof/testdata/must"
	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

// hungFileSystem mounts a FUSE file system whose server takes every request and
// answers none but the first (fuse(4), include/uapi/linux/fuse.h). At the end
// it hangs up, which ends everybody who waits.
func hungFileSystem(t *testing.T) string {
	t.Helper()
	dir, _ := hungServer(t)
	return dir
}

// hungServer also tells whether the server has taken a request: from then on nothing ends
// who waits for the answer (request_wait_answer in fs/fuse/dev.c).
func hungServer(t *testing.T) (dir string, taken func() bool) {
	t.Helper()
	dir = t.TempDir()
	return dir, mountHung(t, dir)
}

// mountHung mounts it on a directory.
func mountHung(t *testing.T, dir string) (taken func() bool) {
	t.Helper()
	need.Root(t)
	need.File(t, "/dev/fuse")
	server, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", server)
	if err := unix.Mount("hung", dir, "fuse", 0, options); err != nil {
		unix.Close(server)
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The mount ends first: a read under way keeps the server's end open. By
		// force, or whoever waits in it would keep the mount.
		if err := unix.Unmount(dir, unix.MNT_FORCE|unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
		unix.Close(server)
	})
	if err := answerInit(server); err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int64
	go func() {
		for request := make([]byte, 1<<17); ; {
			if _, err := unix.Read(server, request); err != nil {
				return
			}
			requests.Add(1)
		}
	}()
	return func() bool { return requests.Load() > 0 }
}

// answerInit answers FUSE_INIT: fuse_out_header and fuse_init_out, protocol 7.31.
func answerInit(server int) error {
	request := make([]byte, 1<<17)
	if _, err := unix.Read(server, request); err != nil {
		return err
	}
	const header, body = 16, 64
	reply := make([]byte, header+body)
	binary.NativeEndian.PutUint32(reply[0:], uint32(len(reply)))
	copy(reply[8:16], request[8:16]) // unique
	binary.NativeEndian.PutUint32(reply[header:], 7)
	binary.NativeEndian.PutUint32(reply[header+4:], 31)
	binary.NativeEndian.PutUint32(reply[header+20:], 4096) // max_write
	_, err := unix.Write(server, reply)
	return err
}

// Debian #719273, #926896: pidof hung in state D on a file server. A thread that
// waits for FUSE cannot be killed, so not even our own exit would end us.
func TestHungFileSystem(t *testing.T) {
	t.Parallel()
	dir := hungFileSystem(t)
	program := filepath.Join(programs, "pidproof")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	instances := t.TempDir()
	commands := [][]string{
		{"check", filepath.Join(dir, "daemon")},
		{"check", "-p", filepath.Join(dir, "x.pid"), "/bin/sh"},
		{"check", "-p", filepath.Join(link, "x.pid"), "/bin/sh"},
		{"explain", "-p", filepath.Join(dir, "x.pid"), "/bin/sh"},
		{"explain", "--json", filepath.Join(dir, "daemon")},
		{"status", "-p", filepath.Join(dir, "x.pid"), "/bin/sh"},
		{"pidofproc", "-p", filepath.Join(dir, "x.pid"), "/bin/sh"},
		{"pidof", filepath.Join(dir, "daemon")},
		{"killproc", "-p", filepath.Join(dir, "x.pid"), "/bin/sh"},
		{"killproc", "-p", filepath.Join(link, "x.pid"), "/bin/sh", "HUP"},
		{"wait", "stopped", "-t", "10", "-p", filepath.Join(dir, "x.pid"), "/bin/sh"},
		{"start_daemon", "-p", filepath.Join(dir, "x.pid"), "/bin/sh", "-c", "echo started"},
		{"start_daemon", "-f", filepath.Join(dir, "daemon")},
		{"list", filepath.Join(dir, "daemon")},
		{"list", "--output", filepath.Join(dir, "x.prom")},
		{"register", "x", "-p", "/run/x.pid", filepath.Join(dir, "daemon")},
		{"register", "x", "-p", filepath.Join(dir, "x.pid"), "/bin/sh"},
		{"start-stop-daemon", "--status", "--exec", filepath.Join(dir, "daemon")},
		{"start-stop-daemon", "--stop", "--retry", "60", "--pidfile", filepath.Join(dir, "x.pid")},
		{"start-stop-daemon", "--start", "--exec", "/bin/sh", "--pidfile", filepath.Join(dir, "x.pid"), "--", "-c", "echo started"},
	}
	var all sync.WaitGroup
	for _, args := range commands {
		all.Add(1)
		go func() {
			defer all.Done()
			hangs(t, dir, instances, program, args)
		}()
	}
	all.Wait()
}

// hangs requires that a command on the hung file system in dir gives up, and says where.
func hangs(t *testing.T, dir, instances, program string, args []string) {
	want := exitcode.Unknown
	if args[0] == "start-stop-daemon" && args[1] != "--status" {
		want = ssd.Trouble
	}
	// It must have come to the file system by then, on a busy machine, too.
	cmd := exec.Command(program, append([]string{"--timeout", "5s"}, args...)...)
	cmd.Env = append(os.Environ(), "PIDPROOF_INSTANCES="+instances)
	ended := make(chan error, 1)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != want {
			t.Errorf("%v: %v, want exit %d", args, err, want)
		}
		if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), "fuse file system on "+dir) {
			t.Errorf("%v does not name the file system: %s", args, out.String())
		}
	case <-time.After(waiting.Limit):
		t.Errorf("%v hangs", args) // the cleanup ends it, with the file system
	}
}

// A link beside the daemon's own, to a file of the same name on such a file
// system, must not be followed to see whether it is the same file.
func TestHungNeighbour(t *testing.T) {
	hung, dir := hungFileSystem(t), t.TempDir()
	for link, target := range map[string]string{"webd": "webd-1.2", "neighbour": filepath.Join(hung, "webd-1.2")} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "webd-1.2"), []byte("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("timeout", "-s", "KILL", commandLimit, filepath.Join(programs, "pidproof"), "check", "-p", filepath.Join(dir, "x.pid"), filepath.Join(dir, "webd"))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitcode.Of(matcher.NotRunning) {
		t.Errorf("%v: %s", err, out)
	}
}

// While it ended the daemon had time to mount a file server on the directory of its pidfile:
// killproc, which could not remove that, asked by its path whether a successor had written
// it, and waited there for as long as a question may take (4c91715).
func TestHungSuccessor(t *testing.T) {
	need.Root(t)
	work := t.TempDir()
	daemon, own := filepath.Join(work, "hangd"), filepath.Join(work, "own")
	pidfile := filepath.Join(own, "x.pid")
	must.Do(t, os.Mkdir(own, 0o755), os.Link(filepath.Join(programs, "demod"), daemon))
	if said, err := exec.Command(daemon, "-daemonize", "-pidfile", pidfile, "-ignore-term").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	killproc := exec.Command(filepath.Join(programs, "pidproof"), "--timeout=1h", "killproc", "-v", "-p", pidfile, daemon)
	var said strings.Builder
	killproc.Stderr = &said
	out, err := killproc.StdoutPipe()
	must.Do(t, err)
	must.Do(t, killproc.Start())
	sent, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.Contains(sent, ": TERM sent to process ") {
		t.Fatalf("%q, %v: %s", sent, err, said.String())
	}
	mountHung(t, own)
	ended := make(chan error, 1)
	go func() { ended <- killproc.Wait() }()
	select {
	case err := <-ended:
		if err != nil || !strings.Contains(said.String(), "x.pid not removed: ") || !strings.Contains(said.String(), "may not answer") {
			t.Errorf("%v: %s", err, said.String())
		}
	case <-time.After(waiting.Limit):
		t.Error("killproc waits for the file server") // the cleanup ends it
	}
}
