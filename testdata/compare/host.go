package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/testdata/waiting"
)

// Each scenario has a host of its own: this program as PID 1 of new namespaces, and below it, again this program, the
// asker. PID 1 only adopts and reaps, as any init does; so the asker knows all its children.
const (
	stageEnv   = "PIDPROOF_COMPARE_STAGE"
	stageInit  = "init"
	stageAsker = "asker"
)

// workDir is where a scenario's files are. It is the same in every run: it shows in what tools say.
const workDir = "/mnt"

// order is what the asker is told.
type order struct {
	Script   string // the scenario's path
	Text     string // and what is in it
	Programs string // the directory of what was built
	Peers    peers
	Deadline time.Duration
}

// testimony is what the asker says.
type testimony struct {
	Broken   string // why the scenario could not be arranged
	Question question
	Answers  []answer
}

// patience is for a whole scenario: it bounds what no deadline of its own bounds.
const patience = 2 * waiting.Limit

// play runs one scenario on a host of its own.
func play(s scenario, o order) (testimony, error) {
	o.Script, o.Text = s.path, s.text
	task, err := json.Marshal(o)
	if err != nil {
		return testimony{}, err
	}
	var said, complaint bytes.Buffer
	host := exec.Command("/proc/self/exe")
	host.Env = append(os.Environ(), stageEnv+"="+stageInit)
	host.Stdin, host.Stdout, host.Stderr = bytes.NewReader(task), &said, &complaint
	host.SysProcAttr = &syscall.SysProcAttr{
		// Unshared, not cloned: only then Go makes the new mount tree private.
		Unshareflags: syscall.CLONE_NEWNS,
		Cloneflags:   syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWNET,
		Setsid:       true,
		Pdeathsig:    syscall.SIGKILL,
	}
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // Pdeathsig is about the thread that forks (prctl(2))
		defer runtime.UnlockOSThread()
		err := host.Start()
		if err == nil {
			timer := time.AfterFunc(patience, func() { _ = host.Process.Kill() })
			err = host.Wait()
			timer.Stop()
		}
		ended <- err
	}()
	select {
	case err = <-ended:
	case <-time.After(patience + waiting.Limit):
		return testimony{}, errors.New("its processes cannot be ended")
	}
	var r testimony
	if err != nil {
		return r, fmt.Errorf("its host: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	if err := json.Unmarshal(said.Bytes(), &r); err != nil {
		return r, err
	}
	if r.Broken != "" {
		err = errors.New(r.Broken)
	}
	return r, err
}

// beInit is PID 1. When it exits the kernel kills all others, and the mounts go with the last of them.
func beInit() error {
	for _, m := range []struct{ kind, at, options string }{
		{"proc", "/proc", ""},
		{"tmpfs", "/run", "mode=0755"},
		{"tmpfs", workDir, "mode=0755"},
		{"tmpfs", "/lib/lsb/init-functions.d", "mode=0755"}, // pidproof's hook must not answer for Debian's functions
	} {
		if err := unix.Mount(m.kind, m.at, m.kind, 0, m.options); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	asker := exec.Command("/proc/self/exe")
	asker.Env = append(os.Environ(), stageEnv+"="+stageAsker)
	asker.Stdin, asker.Stdout, asker.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := asker.Start(); err != nil {
		return err
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err != nil && err != syscall.EINTR {
			return err
		}
		if pid == asker.Process.Pid {
			if status != 0 {
				return fmt.Errorf("the asker ended with status %#x", int(status))
			}
			return nil
		}
	}
}

// playAll plays the scenarios, two at a time: most of what takes time is waiting for those that hang. It says on standard
// error where it is.
func playAll(all []scenario, o order) ([]*played, error) {
	plays, errs := make([]*played, len(all)), make([]error, len(all))
	turns := make(chan struct{}, 2)
	var group sync.WaitGroup
	for i, s := range all {
		turns <- struct{}{}
		fmt.Fprintf(os.Stderr, "%d/%d %s\n", i+1, len(all), s.header.Title)
		group.Add(1)
		go func() {
			defer group.Done()
			defer func() { <-turns }()
			r, err := play(s, o)
			if err != nil {
				errs[i] = fmt.Errorf("%s: %w", s.path, err)
			}
			plays[i] = &played{s, r.Question, r.Answers}
		}()
	}
	group.Wait()
	return plays, errors.Join(errs...)
}
