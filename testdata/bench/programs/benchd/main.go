// Benchd is `benchd PIDFILE ENDING LIFETIME`: a main process with one worker, as a small apache2. After a TERM the main
// process removes its pidfile (who goes by that alone returns too early) and takes ENDING to finish its work. It
// outlives the worker, so its end is that of the daemon's last process. As its last act it writes the time to stdout,
// in nanoseconds of CLOCK_MONOTONIC, which all processes share. After LIFETIME it ends by itself: the bench was killed.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
	"unsafe"
)

const worker = "worker"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "benchd: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 && args[0] == worker {
		lifetime, err := time.ParseDuration(args[1])
		time.Sleep(lifetime)
		return err
	}
	if len(args) != 3 {
		return errors.New("usage: benchd PIDFILE ENDING LIFETIME")
	}
	ending, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	lifetime, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	return serve(args[0], ending, lifetime)
}

func serve(pidfile string, ending, lifetime time.Duration) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	w := exec.Command("/proc/self/exe", worker, lifetime.String())
	w.Args[0] = os.Args[0]
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Wait()
	defer w.Process.Kill()
	if err := os.WriteFile(pidfile, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return err
	}
	fmt.Println("ready")
	select {
	case <-stop:
	case <-time.After(lifetime):
	}
	if err := os.Remove(pidfile); err != nil {
		return err
	}
	time.Sleep(ending)
	if err := w.Process.Kill(); err != nil {
		return err
	}
	_ = w.Wait() // says that it was killed
	fmt.Println(monotonic())
	return nil
}

func monotonic() int64 {
	var now syscall.Timespec
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&now)), 0)
	if errno != 0 {
		panic(errno) // clock_gettime(2): only for a clock that does not exist
	}
	return now.Nano()
}
