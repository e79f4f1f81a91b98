package matcher_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"pidproof/matcher"
)

// Stops a daemon: asks whether the pidfile names it, holds who was proven, signals him
// and nobody else, and waits until he has ended.
func Example() {
	daemon, pidfile, cleanup := startDaemon()
	defer cleanup()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	report, err := matcher.Check(ctx, matcher.Instance{Daemon: daemon, Pidfile: pidfile, Hold: true})
	if err != nil {
		fmt.Println("no usable question:", err)
		return
	}
	defer report.Release()
	fmt.Println(report.Verdict, "by the rule", report.Rule)
	if report.Verdict != matcher.Running {
		fmt.Println(report.Reason) // in doubt nothing is signalled
		return
	}
	if err := report.Main.Signal(syscall.SIGTERM); err != nil {
		fmt.Println(err)
		return
	}
	left := matcher.AwaitEnd(ctx, []*matcher.Process{report.Main})
	fmt.Println("processes left:", len(left))
	// Output:
	// running by the rule same-file
	// processes left: 0
}

// startDaemon starts a copy of sleep and writes its pidfile, as a daemon would.
func startDaemon() (daemon, pidfile string, cleanup func()) {
	dir, err := os.MkdirTemp("", "matcher-example-")
	check(err)
	daemon, pidfile = filepath.Join(dir, "sleepd"), filepath.Join(dir, "sleepd.pid")
	sleep, err := exec.LookPath("sleep")
	check(err)
	program, err := os.ReadFile(sleep)
	check(err)
	check(os.WriteFile(daemon, program, 0o755))
	cmd := exec.Command(daemon, "600")
	check(cmd.Start())
	check(os.WriteFile(pidfile, []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o644))
	go func() { _ = cmd.Wait() }() // init would collect a daemon
	return daemon, pidfile, func() { _ = cmd.Process.Kill(); check(os.RemoveAll(dir)) }
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
