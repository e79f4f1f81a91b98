package scan

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"pidproof/testdata/bench/programs"
	"pidproof/testdata/need"
	"pidproof/testdata/supervise"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == Inside {
		if err := Measure(os.Stdin, os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(supervise.Main(m.Run))
}

// alone has a test that counts processes be run again in a PID namespace of its own, and says whether this is there.
func alone(t *testing.T) bool {
	t.Helper()
	const there = "PIDPROOF_BENCH_ALONE"
	if os.Getenv(there) != "" {
		if err := settle(); err != nil {
			t.Fatal(err)
		}
		return true
	}
	again := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), there+"=1")
	again.SysProcAttr = place(true)
	runtime.LockOSThread() // Pdeathsig is about the thread that forks (prctl(2))
	defer runtime.UnlockOSThread()
	said, err := again.CombinedOutput()
	if err != nil && len(said) == 0 {
		need.Root(t) // for namespaces
	}
	if err != nil || !strings.Contains(string(said), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, said)
	}
	return false
}

// Where no namespaces can be made, it runs among the machine's processes, and ends its own.
func TestAmongOthers(t *testing.T) {
	if !alone(t) {
		return
	}
	dir := t.TempDir()
	pidproof := filepath.Join(dir, "pidproof")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", pidproof, "pidproof/cmd/pidproof")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	b, err := New(dir, pidproof)
	if err != nil {
		t.Fatal(err)
	}
	b.among = true
	there, err := running()
	if err != nil {
		t.Fatal(err)
	}
	result, err := b.Run(t.Context(), []int{2, there + 100}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Sizes) != 1 || result.Sizes[0].Processes != there+100 {
		t.Errorf("sizes: %v", result.Sizes)
	}
	if len(result.LeftOut) != 1 || !strings.Contains(result.LeftOut[0], "2 processes: no room: ") {
		t.Errorf("left out: %v", result.LeftOut)
	}
	if !strings.Contains(result.binary.unlike, "not stripped") { // as built above
		t.Errorf("the program: %+v", result.binary)
	}
	if !strings.Contains(result.Markdown(), "among the other processes") {
		t.Error("the page does not say so")
	}
	if !strings.HasPrefix(b.plan.Pidfile, dir) || !strings.HasPrefix(b.plan.Stale, dir) {
		t.Errorf("a user cannot write %s and %s", b.plan.Pidfile, b.plan.Stale)
	}
	if left := runs(t, dir); left > 0 {
		t.Errorf("%d processes are left", left)
	}
}

func TestCrowd(t *testing.T) {
	if !alone(t) {
		return
	}
	dir := t.TempDir()
	c, err := newCrowd(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.disperse()
	there, err := running()
	if err != nil {
		t.Fatal(err)
	}
	const more = 25
	if err := c.grow(there + more); err != nil {
		t.Fatal(err)
	}
	if got := runs(t, dir); got != more {
		t.Errorf("%d processes, not %d", got, more)
	}
	if err := c.grow(1); !errors.Is(err, errNoRoom) {
		t.Errorf("fewer than there are: %v", err)
	}
	if err := c.count(1); err == nil {
		t.Error("another number is right")
	}
	c.disperse()
	if got := runs(t, dir); got != 0 {
		t.Errorf("%d processes are left", got)
	}
}

// runs counts the processes whose program lies in dir.
func runs(t *testing.T, dir string) (n int) {
	t.Helper()
	exes, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, exe := range exes {
		if path, err := os.Readlink(exe); err == nil && strings.HasPrefix(path, dir+"/") {
			n++
		}
	}
	return n
}

// A command that says something else than was asked has not been quick.
func TestWrongAnswersAreErrors(t *testing.T) {
	for _, c := range []Command{
		{Name: "no such program", Argv: []string{"/nonexistent"}, Exits: []int{0}},
		{Name: "another exit code", Argv: []string{"/bin/sh", "-c", "echo 4711; exit 1"}, Exits: []int{0}, Says: true},
		{Name: "another PID", Argv: []string{"/bin/sh", "-c", "echo 47110"}, Exits: []int{0}, Says: true},
		{Name: "a signal", Argv: []string{"/bin/sh", "-c", "kill -KILL $$"}, Exits: []int{0}},
	} {
		if err := c.rehearse(4711); err == nil {
			t.Errorf("%s was right", c.Name)
		}
	}
	right := Command{Argv: []string{"/bin/sh", "-c", "echo 1 4711; exit 3"}, Exits: []int{1, 3}, Says: true}
	if err := right.rehearse(4711); err != nil {
		t.Error(err)
	}
}

// A child's ru_maxrss begins with the size of whoever forked it: the bench's own must not count.
func TestLauncherHidesOurSize(t *testing.T) {
	dir := t.TempDir()
	launch, err := programs.BuildLaunch(dir)
	if err != nil {
		t.Fatal(err)
	}
	program, err := programs.BuildEmpty(dir)
	if err != nil {
		t.Fatal(err)
	}
	const large = 64 << 10 // KiB
	ours := make([]byte, large<<10)
	for i := range ours {
		ours[i] = 1 // or it is not there
	}
	direct := exec.Command(program)
	if err := direct.Run(); err != nil {
		t.Fatal(err)
	}
	if seen := direct.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; seen < large {
		t.Errorf("started directly it has %d KiB: is the launcher needed?", seen)
	}
	l, err := startLauncher(launch)
	if err != nil {
		t.Fatal(err)
	}
	defer l.stop()
	run, code, err := l.run([]string{program})
	if err != nil || code != 0 {
		t.Fatal(code, err)
	}
	if run.Memory >= large/4 || run.Memory <= 0 || run.Wall <= 0 || run.CPU <= 0 {
		t.Errorf("by the launcher: %+v", run)
	}
	if _, _, err := l.run([]string{filepath.Join(dir, "nothing")}); err != syscall.ENOENT {
		t.Errorf("a program that is not there: %v", err)
	}
	if _, code, err := l.run([]string{"/bin/sh", "-c", `exit "$1"`, "sh", "7"}); err != nil || code != 7 {
		t.Errorf("exit 7: %d, %v", code, err)
	}
	if ours[len(ours)-1] != 1 {
		t.Error("unused")
	}
}
