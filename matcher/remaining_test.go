package matcher

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pidproof/testdata/child"
	"pidproof/testdata/must"
	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

// family is a main process and two workers, all of them copies of sh, in a
// session of their own. They live until their input ends.
type family struct {
	*child.Child
	workers []int
}

func startFamily(t *testing.T) family {
	t.Helper()
	return startFamilyOf(t, copyOf(t, "sh", filepath.Join(t.TempDir(), "daemon")))
}

func startFamilyOf(t *testing.T, path string) family {
	t.Helper()
	pids := filepath.Join(t.TempDir(), "workers")
	// A shell's child of its own runs the same file. "up" is given back only then.
	command := exec.Command(path, "-c", `exec 3<&0
		(read -r x <&3; exit) & echo $! >>"$1"
		(read -r x <&3; exit) & echo $! >>"$1"
		echo up; while :; do wait; done`, path, pids)
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	r, w, err := os.Pipe() // not StdinPipe, which ends with the main process
	must.Do(t, err)
	command.Stdin = r
	out, err := command.StdoutPipe()
	must.Do(t, err, command.Start(), r.Close())
	f := family{Child: &child.Child{T: t, Cmd: command, Path: path, PID: command.Process.Pid}}
	t.Cleanup(func() {
		w.Close() // which ends the workers
		f.End()
	})
	up := make([]byte, 3)
	_, err = out.Read(up)
	must.Do(t, err)
	content, err := os.ReadFile(pids)
	must.Do(t, err)
	for _, word := range strings.Fields(string(content)) {
		f.workers = append(f.workers, atoi(t, word))
	}
	if len(f.workers) != 2 {
		t.Fatalf("workers %v", f.workers)
	}
	return f
}

// mainOf is the main process of an instance, held.
func mainOf(t *testing.T, in Instance) *Process {
	t.Helper()
	in.Hold = true
	r, err := Check(context.Background(), in)
	must.Do(t, err)
	t.Cleanup(r.Release)
	if r.Verdict != Running {
		t.Fatalf("%v: %s", r.Verdict, r.Reason)
	}
	return r.Main
}

func wantRemaining(t *testing.T, step string, in Instance, main *Process, want ...int) {
	t.Helper()
	var pids []int
	left, _, _ := in.Remaining(context.Background(), []*Process{main}, nil)
	for _, p := range left {
		pids = append(pids, p.Evidence.PID)
		if p.Ended() || p.Signal(0) != nil {
			t.Errorf("%s: %d is not held", step, p.Evidence.PID)
		}
		p.Release()
	}
	slices.Sort(pids)
	if !slices.Equal(pids, sorted(want...)) {
		t.Errorf("%s: got %v, want %v", step, pids, want)
	}
}

func TestRemaining(t *testing.T) {
	f := startFamily(t)
	in := Instance{Daemon: f.Path, Pidfile: f.Pidfile()}
	main := mainOf(t, in)
	wantRemaining(t, "it lives", in, main, f.workers...)
	// Many daemons remove their pidfile before they end.
	content, err := os.ReadFile(in.Pidfile)
	must.Do(t, err, os.Remove(in.Pidfile))
	wantRemaining(t, "it lives, its pidfile does not", in, main, f.workers...)
	must.Do(t, os.WriteFile(in.Pidfile, content, 0o644))
	f.End()
	wantRemaining(t, "it was killed", in, main, f.workers...)
	must.Do(t, os.Remove(in.Pidfile))
	wantRemaining(t, "it was killed, its pidfile removed", in, main, f.workers...)
	must.Do(t, syscall.Kill(f.workers[0], syscall.SIGKILL))
	worker := held(t, thisHost(), f.workers[0])
	if left := AwaitEnd(waiting.Context(t, time.Now().Add(waiting.Limit)), []*Process{worker}); len(left) != 0 {
		t.Fatal("a killed worker has not ended")
	}
	wantRemaining(t, "a worker was killed too", in, main, f.workers[1])
}

// A zombie still has the number, and its workers have another parent already.
func TestRemainingOfAZombie(t *testing.T) {
	f := startFamily(t)
	in := Instance{Daemon: f.Path, Pidfile: f.Pidfile()}
	main := mainOf(t, in)
	must.Do(t, f.Cmd.Process.Kill())
	if left := AwaitEnd(waiting.Context(t, time.Now().Add(waiting.Limit)), []*Process{main}); len(left) != 0 {
		t.Fatal("it has not ended")
	}
	wantRemaining(t, "a zombie", in, main, f.workers...)
}

// Two instances of one daemon: each its own, whoever lives.
func TestRemainingLeavesOtherInstancesAlone(t *testing.T) {
	need.Root(t)
	run, err := os.MkdirTemp("/run", "pidproof-test-")
	must.Do(t, err)
	t.Cleanup(func() { os.RemoveAll(run) })
	one := startFamily(t)
	two := startFamilyOf(t, one.Path)
	instance := func(f family, name string) Instance {
		path := filepath.Join(run, name)
		must.Write(t, path, strconv.Itoa(f.PID)+"\n")
		return Instance{Daemon: f.Path, Pidfile: path}
	}
	first, second := instance(one, "one.pid"), instance(two, "two.pid")
	mainOne, mainTwo := mainOf(t, first), mainOf(t, second)
	wantRemaining(t, "both live", first, mainOne, one.workers...)
	wantRemaining(t, "both live, the other", second, mainTwo, two.workers...)
	one.End()
	wantRemaining(t, "one was killed", first, mainOne, one.workers...)
	wantRemaining(t, "the other was killed", second, mainTwo, two.workers...)
	must.Do(t, os.Remove(first.Pidfile))
	wantRemaining(t, "its pidfile is gone", first, mainOne, one.workers...)
	keepsNoDescriptors(t, func() { wantRemaining(t, "again", first, mainOne, one.workers...) })

	// One of the workers is a third instance by now.
	third := filepath.Join(run, "third.pid")
	must.Write(t, third, strconv.Itoa(one.workers[0]))
	wantRemaining(t, "a worker is another instance", first, mainOne, one.workers[1])
	must.Do(t, os.Remove(third))

	// A successor has written the same pidfile: its workers are its own.
	three := startFamilyOf(t, one.Path)
	must.Write(t, first.Pidfile, strconv.Itoa(three.PID))
	wantRemaining(t, "a successor", first, mainOne, one.workers...)
}

// Nobody knows whose the workers are once the number is another's.
func TestNothingRemainsOfANumberThatPassedOn(t *testing.T) {
	f := startFamily(t)
	in := Instance{Daemon: f.Path, Pidfile: f.Pidfile()}
	main := mainOf(t, in)
	main.Evidence.StartTicks--
	wantRemaining(t, "passed on", in, main)
	in.Daemon = "/"
	main.Evidence.StartTicks++
	wantRemaining(t, "no daemon", in, main)
}

func TestRemainingInNoTime(t *testing.T) {
	f := startFamily(t)
	in := Instance{Daemon: f.Path, Pidfile: f.Pidfile()}
	main := mainOf(t, in)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	left, _, err := in.Remaining(ctx, []*Process{main}, nil)
	if err == nil && len(left) == 0 {
		t.Error("no time to look, and no error")
	}
	for _, p := range left { // none, unless it was quicker
		if !slices.Contains(f.workers, p.Evidence.PID) {
			t.Errorf("%d is no worker", p.Evidence.PID)
		}
		p.Release()
	}
}
