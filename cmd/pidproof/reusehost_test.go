package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The rounds of TestReusedPID run in a PID namespace of their own, where numbers
// can be given out at will. This test binary is its PID 1: it plays the rounds
// that it reads from stdin, and writes what came of them to stdout.

const reuseHostEnv = "PIDPROOF_REUSE_HOST"

func init() {
	if os.Getenv(reuseHostEnv) == "" {
		return
	}
	if err := reuseHost(); err != nil {
		fmt.Fprintln(os.Stderr, "in the PID namespace:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// reuseRound is one command, and the moment at which the daemon's number
// changes hands.
type reuseRound struct {
	Command     []string
	Held        string // at the entry of this system call about the daemon
	Nth         int    // when it is made for the nth time
	NoPidfds    bool   // pidfd_open fails, as on an old kernel
	Innocent    string // who gets the number
	Stale       bool   // the pidfile seems to be written a minute before the daemon started
	UID         int    // the daemon's user
	IgnoresTerm bool

	Nopidfd, Daemon, Sleep string // programs
}

// The pidfiles of a round: /run is new.
const (
	reusePidfile = "/run/webd.pid"
	otherPidfile = "/run/other.pid"
)

// Innocents.
const (
	anotherProgram  = "another program"
	anotherInstance = "another instance of the daemon"
	anothersThread  = "a thread of another instance"
)

// reuseResult is what came of a round.
type reuseResult struct {
	Lost    bool // the number could not be given away: no round
	Reached bool // the call was made, and the number has changed hands
	Exit    int
	Output  string
	Harm    string // what happened to the innocent, "" if nothing
}

// spacing between two daemons' numbers leaves room for a command's threads; below
// lastNumber they come round (pid_max is 32768 at least).
const (
	spacing    = 64
	lastNumber = 30_000
)

func reuseHost() error {
	if err := errors.Join(
		unix.Mount("proc", "/proc", "proc", 0, ""),
		unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"),
	); err != nil {
		return err
	}
	// What we start must not ignore these, as it would under nohup.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGTERM)
	var rounds []reuseRound
	if err := json.NewDecoder(os.Stdin).Decode(&rounds); err != nil {
		return err
	}
	number := 1000
	for _, r := range rounds {
		var result reuseResult
		for try := 0; ; try++ {
			if number += spacing; number > lastNumber {
				number = 1000
			}
			var err error
			if result, err = r.play(number); err != nil {
				return fmt.Errorf("%+v: %w", r, err)
			}
			if !result.Lost || try == 10 {
				break
			}
		}
		if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
			return err
		}
	}
	return nil
}

// errNumberTaken: a thread that came in between has the number.
var errNumberTaken = errors.New("the number is taken")

func (r reuseRound) play(number int) (result reuseResult, err error) {
	defer func() {
		err = errors.Join(err, os.RemoveAll(reusePidfile), os.RemoveAll(otherPidfile))
	}()
	begun := time.Now()
	daemon, err := r.startDaemon(number)
	if errors.Is(err, errNumberTaken) {
		return reuseResult{Lost: true}, nil
	}
	defer daemon.end()
	if err != nil {
		return result, err
	}
	var innocent *victim
	defer func() { innocent.end() }()
	calls := 0
	result.Exit, result.Output, err = runHeld(r.Nopidfd, "pidfd_open,"+r.Held, r.Command, func(c heldCall) (syscall.Errno, error) {
		if c.isAbout(r.Held, number) {
			calls++
		}
		if calls == r.Nth && innocent == nil && !result.Lost {
			daemon.end()
			// No number comes round within a clock tick, by which start times are told.
			err := pollUntil("a tick has passed", func() bool { return time.Since(begun) > 30*time.Millisecond })
			if err != nil {
				return 0, err
			}
			innocent, err = r.startInnocent(number)
			result.Lost = errors.Is(err, errNumberTaken)
			if result.Reached = err == nil; !result.Reached && !result.Lost {
				return 0, err
			}
		}
		if r.NoPidfds && c.number == unix.SYS_PIDFD_OPEN {
			return unix.ENOSYS, nil
		}
		return 0, nil
	})
	if result.Reached {
		result.Harm = innocent.harm()
	}
	return result, err
}

func (r reuseRound) startDaemon(number int) (*victim, error) {
	daemon, err := startAt(number, r.Daemon,
		"-pidfile", reusePidfile, "-uid", strconv.Itoa(r.UID), fmt.Sprintf("-ignore-term=%v", r.IgnoresTerm))
	if err != nil {
		return nil, err
	}
	// An ordinary user's process is not the daemon if it is later than its pidfile.
	if err := named(reusePidfile, number); err != nil || !r.Stale || r.UID != 0 {
		return daemon, err
	}
	old := time.Now().Add(-time.Minute)
	return daemon, os.Chtimes(reusePidfile, old, old)
}

// startInnocent gives the number away. Whoever gets it is stopped, so that a
// signal stays pending and can be seen; all but KILL.
func (r reuseRound) startInnocent(number int) (*victim, error) {
	argv, leader := []string{r.Daemon, "-pidfile", otherPidfile}, number
	switch r.Innocent {
	case anotherProgram:
		argv = []string{r.Sleep, "1000"}
	case anothersThread:
		leader-- // the Go runtime's first thread gets the next number
	}
	innocent, err := startAt(leader, argv...)
	if err == nil && r.Innocent != anotherProgram {
		err = named(otherPidfile, leader)
	}
	if err == nil {
		if _, missing := os.Stat(fmt.Sprintf("/proc/%d/task/%d", leader, number)); missing != nil {
			err = errNumberTaken
		} else {
			err = innocent.stop()
		}
	}
	if err != nil {
		innocent.end()
		return nil, err
	}
	return innocent, nil
}

// victim is a child of ours.
type victim struct{ pid int }

// startAt starts a program as the process pid, unless a thread of ours, or of
// the command, holds that number by now.
func startAt(pid int, argv ...string) (*victim, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	for range 20 {
		// The next process gets the next free number after this one.
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(pid-1)), 0); err != nil {
			return nil, err
		}
		got, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{null.Fd(), 2, 2}})
		if err != nil {
			return nil, err
		}
		started := &victim{got}
		if got == pid {
			return started, nil
		}
		started.end()
	}
	return nil, errNumberTaken
}

// named waits until a daemon has written its pidfile.
func named(pidfile string, pid int) error {
	return pollUntil(pidfile+" is written", func() bool {
		content, err := os.ReadFile(pidfile)
		return err == nil && string(content) == strconv.Itoa(pid)+"\n"
	})
}

func (v *victim) stop() error {
	if err := syscall.Kill(v.pid, syscall.SIGSTOP); err != nil {
		return err
	}
	return pollUntil("the innocent has stopped", func() bool { return v.everyThread("State:\tT ") })
}

// everyThread reports that the status of each thread has a line that begins so.
func (v *victim) everyThread(line string) bool {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", v.pid))
	for _, file := range files {
		status, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(status), "\n"+line) {
			return false
		}
	}
	return len(files) > 0
}

// harm says what happened to an innocent process since it was stopped.
func (v *victim) harm() string {
	var status syscall.WaitStatus
	const none = "0000000000000000\n"
	switch pid, err := syscall.Wait4(v.pid, &status, syscall.WNOHANG, nil); {
	case err != nil:
		return err.Error()
	case pid != 0:
		v.pid = 0
		return "it was ended: " + status.Signal().String()
	case !v.everyThread("State:\tT "):
		return "it was continued"
	case !v.everyThread("SigPnd:\t"+none) || !v.everyThread("ShdPnd:\t"+none):
		return "it has a signal"
	}
	return ""
}

// end kills and collects: its number is free then.
func (v *victim) end() {
	if v != nil && v.pid != 0 {
		_ = syscall.Kill(v.pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(v.pid, nil, 0, nil)
		v.pid = 0
	}
}

// reuseHostCommand is this binary, to be PID 1 of its own namespaces. It ends
// with the thread that starts it, and everything in there with it.
func reuseHostCommand() *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), reuseHostEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGKILL,
	}
	return cmd
}
