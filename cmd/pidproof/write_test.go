package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/exitcode"
)

// fullPipe gives the end of a pipe that takes nothing more, and has a reader who never reads.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	for err := error(nil); !errors.Is(err, unix.EAGAIN); _, err = unix.Write(fds[1], make([]byte, 4096)) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := unix.FcntlInt(uintptr(fds[1]), unix.F_SETFL, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]) })
	writer := os.NewFile(uintptr(fds[1]), "pipe")
	t.Cleanup(func() { writer.Close() })
	return writer
}

// An answer that nobody reads is lost, and an init script goes on.
func TestFullPipe(t *testing.T) {
	for _, args := range [][]string{
		{"check", "-p", "/run/nosuch.pid", "/bin/cat"},
		{"explain", "-p", "/run/nosuch.pid", "/bin/cat"},
		{"--help"},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(filepath.Join(programs, "pidproof"), append([]string{"--timeout", "0.2"}, args...)...)
			if args[0] == "--help" {
				cmd.Args = cmd.Args[:1:1]
				cmd.Args = append(cmd.Args, args...)
			}
			byExit := args[0] == "check"
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = fullPipe(t), &said
			_ = cmd.Run()
			if got := cmd.ProcessState.ExitCode(); (got == exitcode.Unknown) == byExit || !strings.Contains(said.String(), "nobody reads it") {
				t.Errorf("exit %d, %q", got, said.String())
			}
			// The same pipe for errors: there is nobody to tell.
			again := exec.Command(cmd.Path, cmd.Args[1:]...)
			again.Stdout = fullPipe(t)
			again.Stderr = again.Stdout
			_ = again.Run()
			if got := again.ProcessState.ExitCode(); (got == exitcode.Unknown) == byExit {
				t.Errorf("both are full: exit %d", got)
			}
		})
	}
}
