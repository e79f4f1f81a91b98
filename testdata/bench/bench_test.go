package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pidproof/testdata/need"
	"pidproof/testdata/supervise"
)

func TestMain(m *testing.M) { os.Exit(supervise.Main(m.Run)) }

// No time is asserted here: that is `make bench CHECK=1`.
func TestBenchRuns(t *testing.T) {
	if _, _, err := realStartStopDaemon(); err != nil {
		need.Program(t, "start-stop-daemon")
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", "pidproof/cmd/pidproof", "pidproof/testdata/bench")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	tmp, out := filepath.Join(dir, "tmp"), filepath.Join(dir, "out")
	if err := os.Mkdir(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	bench := exec.Command(dir+"/bench", "-pidproof", dir+"/pidproof", "-rounds", "1", "-out", out)
	bench.Env = append(os.Environ(), "TMPDIR="+tmp)
	said, err := bench.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	table, err := os.ReadFile(out + "/stop.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"pidproof killproc", "pidproof wait stopped", "pidproof start-stop-daemon",
		"dpkg's start-stop-daemon", "sleep 1"} {
		if !strings.Contains(string(said), command) || !strings.Contains(string(table), command) {
			t.Errorf("no %q in the table or in its file", command)
		}
	}
	if strings.Contains(string(table), dir) {
		t.Errorf("the file names paths of this machine:\n%s", table)
	}
	for _, folder := range []string{tmp, out} {
		left, err := os.ReadDir(folder)
		if err != nil || len(left) > 0 && left[0].Name() != "stop.md" || len(left) > 1 {
			t.Errorf("left in %s: %v (%v)", folder, left, err)
		}
	}
}

// A command that returns while the daemon still runs has not been quick.
func TestTooEarlyIsAnError(t *testing.T) {
	b := &stopBench{daemon: filepath.Join(t.TempDir(), daemonName), pidfile: filepath.Join(t.TempDir(), "pid")}
	// Not this program, which does not become a daemon under a test's main.
	script := "#!/bin/sh\necho ready\nexec sleep 30\n"
	if err := os.WriteFile(b.daemon, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	_, _, err := b.stop(stopCommand{argv: func(int) []string { return []string{"true"} }}, 0)
	if err == nil || !strings.Contains(err.Error(), "the daemon had not ended") {
		t.Errorf("a command that did nothing: %v", err)
	}
}

func TestStatistics(t *testing.T) {
	var ten []time.Duration
	for i := range 10 {
		ten = append(ten, time.Duration(10-i))
	}
	for _, c := range []struct {
		of          []time.Duration
		median, p90 time.Duration
	}{
		{[]time.Duration{7}, 7, 7},
		{[]time.Duration{3, 1, 2}, 2, 3},
		{[]time.Duration{40, 10, 20, 30}, 25, 40},
		{ten, 5, 9},
	} {
		if m, p := median(c.of), percentile(c.of, 90); m != c.median || p != c.p90 {
			t.Errorf("of %v: median %d, p90 %d, not %d and %d", c.of, m, p, c.median, c.p90)
		}
	}
}

func TestCheck(t *testing.T) {
	slow := []time.Duration{promise + 1, promise + 1, 0}
	fast := []time.Duration{promise, promise, time.Hour}
	others := stopCommand{name: "others"}
	ours := stopCommand{name: "ours", promised: true}
	for _, c := range []struct {
		commands []stopCommand
		took     [][]time.Duration
		passes   bool
	}{
		{[]stopCommand{ours, others}, [][]time.Duration{fast, slow}, true},
		{[]stopCommand{others, ours}, [][]time.Duration{fast, slow}, false},
	} {
		err := (&stops{commands: c.commands, took: c.took}).check()
		if (err == nil) != c.passes {
			t.Errorf("%v: %v", c.took, err)
		}
	}
}
