package attack

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// process is one that a test has started, and that ends with it.
type process struct {
	*exec.Cmd
	said *bufio.Reader
}

func (p process) pid() int { return p.Process.Pid }

func (p process) end() {
	_ = p.Process.Kill()
	_ = p.Wait()
}

// as is whose process it is to be.
func as(uid uint32) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
}

// subordinate is one of the ordinary user's further user IDs (subuid(5)).
func subordinate(n int) uint32 { return 100_000 + uint32(n) }

// asUser is a command of the ordinary user's.
func asUser(name string, args ...string) *exec.Cmd {
	command := exec.Command(name, args...)
	command.SysProcAttr = as(nobody)
	return command
}

// crowd starts a program that forks so often, and waits until all of them run.
func crowd(t *testing.T, command *exec.Cmd, total int) process {
	t.Helper()
	must(t, command.Start())
	p := process{Cmd: command}
	t.Cleanup(p.end)
	until(t, "all of them run", func() bool { return len(children(t, p.pid())) == total })
	return p
}

// start starts a program that says when it is ready.
func start(t *testing.T, command *exec.Cmd) process {
	t.Helper()
	pipe, err := command.StdoutPipe()
	must(t, err)
	command.Stderr = os.Stderr
	must(t, command.Start())
	p := process{command, bufio.NewReader(pipe)}
	t.Cleanup(p.end)
	p.says(t, "ready")
	return p
}

func (p process) says(t *testing.T, want string) {
	t.Helper()
	if line, err := p.said.ReadString('\n'); line != want+"\n" {
		t.Fatalf("%q said %q, want %q: %v", p.Args, line, want, err)
	}
}

// startDaemon starts one that writes its pidfile.
func startDaemon(t *testing.T, path, pidfile string, args ...string) process {
	t.Helper()
	command := exec.Command(path, append([]string{"-p", pidfile}, args...)...)
	must(t, command.Start())
	p := process{Cmd: command}
	t.Cleanup(p.end)
	until(t, pidfile+" is written", func() bool {
		content, err := os.ReadFile(pidfile)
		return err == nil && string(content) == strconv.Itoa(p.pid())+"\n"
	})
	return p
}

// children are the workers of a daemon.
func children(t *testing.T, pid int) (pids []int) {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	must(t, err)
	for _, word := range strings.Fields(string(content)) {
		child, err := strconv.Atoi(word)
		must(t, err)
		pids = append(pids, child)
	}
	return pids
}

// runs reports that a process has not ended.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}
