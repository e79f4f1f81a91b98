package scan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// launcher is a running programs/launch.
type launcher struct {
	cmd     *exec.Cmd
	to, out *os.File
}

func startLauncher(path string) (*launcher, error) {
	in, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, from, err := os.Pipe()
	if err != nil {
		to.Close()
		return nil, err
	}
	defer from.Close()
	l := &launcher{cmd: exec.Command(path), to: to, out: out}
	l.cmd.Stdin, l.cmd.Stdout, l.cmd.Stderr, l.cmd.Env = in, from, os.Stderr, environment
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := l.cmd.Start(); err != nil {
		to.Close()
		out.Close()
		return nil, err
	}
	return l, nil
}

// run has a command run, its output thrown away.
func (l *launcher) run(argv []string) (r Run, exit int, err error) {
	words := strings.Join(argv, "\x00") + "\x00"
	request := append(binary.NativeEndian.AppendUint64(nil, uint64(len(words))), words...)
	deadline := time.Now().Add(commandPatience)
	if err := errors.Join(l.to.SetWriteDeadline(deadline), l.out.SetReadDeadline(deadline)); err != nil {
		return r, 0, err
	}
	if _, err := l.to.Write(request); err != nil {
		return r, 0, err
	}
	var answer struct{ Wall, CPU, Memory, Status, Errno int64 }
	if err := binary.Read(l.out, binary.NativeEndian, &answer); err != nil {
		return r, 0, fmt.Errorf("no answer from the launcher: %w", err)
	}
	if answer.Errno != 0 {
		return r, 0, syscall.Errno(answer.Errno)
	}
	// ExitStatus is -1 after a signal.
	return Run{Wall: time.Duration(answer.Wall), CPU: time.Duration(answer.CPU), Memory: KiB(answer.Memory)},
		syscall.WaitStatus(answer.Status).ExitStatus(), nil
}

func (l *launcher) stop() {
	_ = l.cmd.Process.Kill()
	_ = l.cmd.Wait() // says that it was killed
	l.to.Close()
	l.out.Close()
}
