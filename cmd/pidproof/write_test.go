package main

import (
	"bytes"
	"errors"
	"fmt"
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
			byExit := args[0] == "check"
			wrong := ""
			for _, deadline := range []string{"0.2", "3", "30"} { // on a busy machine check has no answer in a short one
				asked := args
				if args[0] != "--help" {
					asked = append([]string{"--timeout", deadline}, args...)
				}
				if wrong = writesInto(fullPipe(t), byExit, asked); wrong == "" {
					return
				}
			}
			t.Error(wrong)
		})
	}
}

// writesInto is what is wrong with the exit code and the message of a command whose output nobody reads.
func writesInto(full *os.File, byExit bool, args []string) string {
	var said bytes.Buffer
	cmd := exec.Command(filepath.Join(programs, "pidproof"), args...)
	cmd.Stdout, cmd.Stderr = full, &said
	_ = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); (got == exitcode.Unknown) == byExit || !strings.Contains(said.String(), "nobody reads it") {
		return fmt.Sprintf("exit %d, %q", got, said.String())
	}
	// The same pipe for errors: there is nobody to tell.
	again := exec.Command(cmd.Path, cmd.Args[1:]...)
	again.Stdout, again.Stderr = full, full
	_ = again.Run()
	if got := again.ProcessState.ExitCode(); (got == exitcode.Unknown) == byExit {
		return fmt.Sprintf("both are full: exit %d", got)
	}
	return ""
}
