// Demod is the daemon that the demo and the tests start, replace and kill.
// It behaves like the daemons pidproof is about: it writes its own pidfile when
// it is ready, and its workers outlive a main process that was killed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// readyEnv marks the process that -daemonize put into the background. It is no
// flag, so that the daemon's argv is what was typed, as after a fork.
const readyEnv = "DEMOD_READY"

// showEnv, when set, is a file: write the arguments to it, a NUL after each, and be
// no daemon. It is no flag: any arguments can be given.
const showEnv = "DEMOD_SHOW"

// lifetime bounds what a test run that was itself killed leaves behind.
const lifetime = 2 * time.Hour

var (
	pidfile    = flag.String("pidfile", "", "write the PID to this `file` when ready, remove it on TERM")
	lock       = flag.Bool("lock", false, "hold a flock on the pidfile")
	workers    = flag.Uint("workers", 0, "start this `number` of workers")
	listen     = flag.String("listen", "", "answer on this TCP `address`; workers inherit the socket")
	daemonize  = flag.Bool("daemonize", false, "go to the background; return when ready")
	ignoreTerm = flag.Bool("ignore-term", false, "do not die of TERM (the workers do)")
	forkOnTerm = flag.Bool("fork-on-term", false, "on TERM, start a worker and leave it behind")
	linger     = flag.Duration("linger", 0, "on TERM, remove the pidfile, and end this `time` later")
	until      = flag.String("until", "", "on TERM, remove the pidfile, and end once this `file` is there")
	record     = flag.String("record", "", "append the name of each signal to this `file`; only INT and TERM end it")
	title      = flag.String("title", "", "the `name` for /proc/PID/comm; argv stays")
	uid        = flag.Int("uid", -1, "become this user and group `id` once the pidfile and the socket are open")
	worker     = flag.Bool("worker", false, "be a worker: what the main process starts")
	restless   = flag.Bool("restless", false, "write the pidfile, and execute itself all the time, until killed")
	headless   = flag.Bool("headless", false, "when ready, end the first thread; the others go on, until killed")
)

// With these, main must run on the first thread.
func init() {
	if slices.Contains(os.Args, "-headless") || slices.Contains(os.Args, "-restless") {
		runtime.LockOSThread()
	}
}

// removePidfile does so once: later it may be another instance's.
var removePidfile = sync.OnceFunc(func() { os.Remove(*pidfile) })

// launcher is the pipe to the process that -daemonize keeps waiting, or nil.
var launcher *os.File

func main() {
	if path := os.Getenv(showEnv); path != "" {
		if err := os.WriteFile(path, []byte(strings.Join(os.Args, "\x00")+"\x00"), 0o644); err != nil {
			fmt.Fprintf(os.Stderr, "demod: %v\n", err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "demod: %v\n", err)
		if launcher != nil {
			_, _ = fmt.Fprint(launcher, err)
		}
		os.Exit(1)
	}
}

func run() error {
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if *lock && *pidfile == "" {
		return errors.New("-lock needs -pidfile")
	}
	if *daemonize && !*worker {
		if os.Getenv(readyEnv) == "" {
			return launch()
		}
		syscall.CloseOnExec(3)
		launcher = os.NewFile(3, "launcher")
	}
	// Executing /proc/self/exe has made comm "exe".
	comm := filepath.Base(os.Args[0])
	if *title != "" {
		comm = *title
	}
	if err := os.WriteFile("/proc/self/comm", []byte(comm), 0); err != nil {
		return err
	}
	switch {
	case *worker:
		return beWorker()
	case *restless:
		return beRestless()
	}
	return beMain()
}

// launch starts the daemon in a session of its own, without stdio, and returns when it is ready.
func launch() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := again(os.Args[1:], w)
	cmd.Env = append(os.Environ(), readyEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	w.Close()
	if said, err := io.ReadAll(r); string(said) != "ready" {
		return errors.Join(fmt.Errorf("not started: %s", said), err)
	}
	return nil
}

func beMain() error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	if *ignoreTerm {
		signal.Reset(syscall.SIGTERM)
		signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM) // Ignore would be inherited
	}
	if *record != "" {
		if err := recordSignals(); err != nil {
			return err
		}
	}

	var socket []*os.File
	if *listen != "" {
		f, err := openSocket()
		if err != nil {
			return err
		}
		socket = append(socket, f)
	}

	var pid *os.File
	if *pidfile != "" {
		var err error
		if pid, err = openPidfile(); err != nil {
			return err
		}
		defer removePidfile()
	}
	if *uid >= 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(*uid), syscall.Setuid(*uid)); err != nil {
			return fmt.Errorf("become user %d: %w", *uid, err)
		}
	}

	for range *workers {
		w := again(append([]string{"-worker"}, os.Args[1:]...), socket...)
		if err := w.Start(); err != nil {
			return err
		}
		defer w.Wait()
		defer w.Process.Signal(syscall.SIGTERM)
	}

	if pid != nil {
		if _, err := fmt.Fprintln(pid, os.Getpid()); err != nil {
			return err
		}
		if !*lock {
			pid.Close()
		}
		defer runtime.KeepAlive(pid) // its finalizer would drop the lock
	}
	if launcher != nil {
		// This fails when the launcher was interrupted: then the daemon must go too.
		if _, err := launcher.WriteString("ready"); err != nil {
			return err
		}
		launcher.Close()
	}
	if *headless {
		_, _, err := syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0) // exit_group(2) ends a process, this only the thread
		return fmt.Errorf("end the first thread: %w", err)
	}
	select {
	case <-stop:
	case <-time.After(lifetime):
	}
	return end()
}

// end is what comes before a main process ends.
func end() error {
	if *forkOnTerm {
		if err := again(append([]string{"-worker"}, os.Args[1:]...)).Start(); err != nil {
			return err
		}
	}
	if *linger > 0 {
		removePidfile()
		time.Sleep(*linger)
	}
	if *until != "" {
		removePidfile()
		return awaitFile(*until)
	}
	return nil
}

func awaitFile(path string) error {
	for end := time.Now().Add(lifetime); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func openPidfile() (*os.File, error) {
	f, err := os.OpenFile(*pidfile, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	if *lock {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			return nil, fmt.Errorf("lock %s: %w", *pidfile, err)
		}
	}
	return f, f.Truncate(0) // only now: without the lock, the content may be another instance's
}

// again runs this program once more, under the same argv[0]. The path that the
// daemon was started by may hold another file by now.
func again(args []string, files ...*os.File) *exec.Cmd {
	return &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{os.Args[0]}, args...), ExtraFiles: files}
}
