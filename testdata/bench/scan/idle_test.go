package scan

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAwaitIdle(t *testing.T) {
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer sleeper.Wait()
	defer sleeper.Process.Kill()
	if err := awaitIdle([]int{sleeper.Process.Pid}); err != nil {
		t.Error(err)
	}
	if state, err := stateOf(sleeper.Process.Pid); state != 'S' {
		t.Errorf("it sleeps in state %c (%v)", state, err)
	}
	if err := sleeper.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventuallyState(t, sleeper.Process.Pid, 'T')
	if err := sleeper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventuallyState(t, sleeper.Process.Pid, 'Z')
	if err := awaitIdle([]int{sleeper.Process.Pid}); err == nil || !strings.HasSuffix(err.Error(), "state Z") {
		t.Errorf("a zombie sleeps (%v)", err)
	}
}

func eventuallyState(t *testing.T, pid int, want byte) {
	t.Helper()
	for end := time.Now().Add(commandPatience); ; time.Sleep(time.Millisecond) {
		state, err := stateOf(pid)
		if err != nil {
			t.Fatal(err)
		}
		if state == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("its state is %c, not %c", state, want)
		}
	}
}
