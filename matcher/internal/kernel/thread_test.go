package kernel

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/must"
	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

// playEnv has the test's program play a part: a process that ends its first thread only, or
// who asks about that one by its PID.
const playEnv = "PIDPROOF_KERNEL_TEST_PLAYS"

func init() {
	switch part := os.Getenv(playEnv); part {
	case "":
	case "headless":
		go func() {
			time.Sleep(time.Hour)
			os.Exit(0)
		}()
		runtime.LockOSThread() // which is the first in init
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	default:
		pid, _ := strconv.Atoi(part)
		dir, ending, err := ThisSystem().LivingThread(pid)
		fmt.Println(filepath.Base(dir), ending, err)
		os.Exit(0)
	}
}

// An ordinary user may look into no thread of root's, so the first to be listed, which had ended, was taken for one that
// lives: his pidof waited for it half of the time that it had, and beside some of them said "no answer in time".
func TestLivingThreadOfAnother(t *testing.T) {
	need.Root(t)
	program := filepath.Join(t.TempDir(), "kernel.test")
	for _, dir := range []string{filepath.Dir(filepath.Dir(program)), filepath.Dir(program)} {
		must.Do(t, os.Chmod(dir, 0o755))
	}
	content, err := os.ReadFile("/proc/self/exe")
	must.Do(t, err)
	must.Do(t, os.WriteFile(program, content, 0o755))
	headless := exec.Command(program)
	headless.Env = append(os.Environ(), playEnv+"=headless")
	must.Do(t, headless.Start())
	t.Cleanup(func() { _ = headless.Process.Kill(); _ = headless.Wait() })
	pid := headless.Process.Pid
	if !waiting.Until(func() bool {
		stat, err := ThisSystem().ReadStat(pid)
		return err == nil && stat.State == "Z" && stat.Threads > 1
	}) {
		t.Fatal("its first thread does not end")
	}
	ask := exec.Command(program)
	ask.Dir = "/"
	ask.Env = append(os.Environ(), fmt.Sprintf("%s=%d", playEnv, pid))
	ask.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	said, err := ask.CombinedOutput()
	must.Do(t, err)
	if words := strings.Fields(string(said)); len(words) != 3 || words[0] == strconv.Itoa(pid) || words[1] != "false" {
		t.Errorf("of process %d nobody is told %q", pid, said)
	}
}
