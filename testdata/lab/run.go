package lab

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pidproof/testdata/waiting"
)

// Result is how a command in the host ended. Code is -1 after a signal.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// Run runs a command in all of the host's namespaces, as root. It fails the test when the command cannot be run or
// hangs; what the command started in the background lives on.
func (h *Host) Run(t *testing.T, name string, args ...string) Result {
	t.Helper()
	return h.run(t, strings.NewReader(""), name, args...)
}

// Sh runs a POSIX shell script in the host.
func (h *Host) Sh(t *testing.T, script string) Result {
	t.Helper()
	return h.run(t, strings.NewReader(""), "/bin/sh", "-c", script)
}

// Must runs a shell script that has to exit with 0, and returns its standard output.
func (h *Host) Must(t *testing.T, script string) string {
	t.Helper()
	result := h.Sh(t, script)
	if result.Code != 0 {
		t.Fatalf("in the host: exit %d\n%s\n%s%s", result.Code, script, result.Stdout, result.Stderr)
	}
	return result.Stdout
}

// Copy puts what is in a folder of the machine into a folder of the host, following the links that the host has.
func (h *Host) Copy(t *testing.T, from, to string) {
	t.Helper()
	var said bytes.Buffer
	pack := exec.CommandContext(t.Context(), "tar", "-c", "-C", from, ".")
	pack.Stderr = &said
	packed, err := pack.StdoutPipe()
	if err == nil {
		err = pack.Start()
	}
	if err != nil {
		t.Fatalf("packing %s: %v", from, err)
	}
	result := h.run(t, packed, "tar", "-x", "-C", to, "--keep-directory-symlink", "--no-overwrite-dir", "--no-same-owner")
	if result.Code != 0 {
		t.Errorf("unpacking %s in the host: %s", from, result.Stderr)
	}
	_ = packed.Close() // before the other has read all, tar ends by SIGPIPE
	if err := pack.Wait(); err != nil || result.Code != 0 {
		t.Fatalf("packing %s: %v: %s", from, err, &said)
	}
}

func (h *Host) run(t *testing.T, stdin io.Reader, name string, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waiting.Limit)
	if t.Context().Err() != nil { // in a cleanup
		ctx, cancel = context.WithTimeout(context.Background(), waiting.Limit)
	}
	defer cancel()
	enter := []string{"-t", strconv.Itoa(h.init.Pid), "-m", "-u", "-i", "-n", "-p", "-C", "--", name}
	cmd := exec.CommandContext(ctx, "nsenter", append(enter, args...)...)
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "LANG=C", "TERM=dumb", "DEBIAN_FRONTEND=noninteractive",
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	// nsenter waits outside for a child inside: end both. A daemon has left their process group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	h.cgroup.enter(cmd)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second // to read what is left in our pipes, which a daemon may keep open

	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // the command has ended well, and a daemon that it started keeps our pipes open
	}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		t.Fatalf("in the host: %s %q: %v\n%s%s", name, args, err, stdout.String(), stderr.String())
	}
	return Result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// eventually fails the test unless something becomes true.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	if !waiting.Until(yes) {
		t.Fatalf("after %v still not true: %s", waiting.Limit, what)
	}
}
