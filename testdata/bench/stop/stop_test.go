package stop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pidproof/testdata/supervise"
)

func TestMain(m *testing.M) { os.Exit(supervise.Main(m.Run)) }

// A command that returns while the daemon still runs has not been quick.
func TestTooEarlyIsAnError(t *testing.T) {
	dir := t.TempDir()
	b := &Bench{daemon: filepath.Join(dir, "daemon"), pidfile: filepath.Join(dir, "pid")}
	script := "#!/bin/sh\necho ready\nexec sleep 30\n"
	if err := os.WriteFile(b.daemon, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	_, _, err := b.stop(command{argv: func(int) []string { return []string{"true"} }}, 0)
	if err == nil || !strings.Contains(err.Error(), "the daemon had not ended") {
		t.Errorf("a command that did nothing: %v", err)
	}
}

func TestCheck(t *testing.T) {
	slow := []time.Duration{promise + 1, promise + 1, 0}
	fast := []time.Duration{promise, promise, time.Hour}
	others := command{name: "others"}
	ours := command{name: "ours", promised: true}
	for _, c := range []struct {
		commands []command
		took     [][]time.Duration
		passes   bool
	}{
		{[]command{ours, others}, [][]time.Duration{fast, slow}, true},
		{[]command{others, ours}, [][]time.Duration{fast, slow}, false},
	} {
		err := (&Result{commands: c.commands, took: c.took}).Check()
		if (err == nil) != c.passes {
			t.Errorf("%v: %v", c.took, err)
		}
	}
}

func TestHolds(t *testing.T) {
	sleeper, err := start(nil, "sleep", "60")
	if err != nil {
		t.Fatal(err)
	}
	defer sleeper.kill()
	us, pid := os.Getpid(), sleeper.cmd.Process.Pid
	if !holds(us, pid) || holds(us, us) || holds(pid, pid) {
		t.Errorf("we hold it: %t, ourselves: %t, it holds itself: %t", holds(us, pid), holds(us, us), holds(pid, pid))
	}
}
