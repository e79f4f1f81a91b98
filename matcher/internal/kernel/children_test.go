package kernel

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"

	"pidproof/testdata/need"
)

func TestChildren(t *testing.T) {
	sleep := exec.Command(need.Program(t, "sleep"), "1000")
	started := make(chan error)
	end := make(chan bool)
	go func() { // by a thread of its own
		runtime.LockOSThread()
		started <- sleep.Start()
		<-end
	}()
	defer close(end)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	defer sleep.Wait()
	defer sleep.Process.Kill()
	children, err := ThisSystem().Children(os.Getpid())
	if err != nil || !slices.Contains(children, sleep.Process.Pid) {
		t.Errorf("children %v, %v; want %d among them", children, err, sleep.Process.Pid)
	}
	if none, err := ThisSystem().Children(sleep.Process.Pid); err != nil || len(none) > 0 {
		t.Errorf("sleep has children: %v, %v", none, err)
	}
}
