package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pidproof/testdata/rounds"
)

// The daemon of an instance that is to be restarted ends by itself, and its number passes to somebody else, while restart
// asks, or while its restart command does. restart looks on for 2 seconds after each, so many lanes play at a time.
func TestPIDReuseInRestart(t *testing.T) {
	onHost(t, func(t *testing.T) {
		start(t, exec.Command("/srv/bin/storm", "fork"))
		var all sync.WaitGroup
		lanes, each := rounds.Of(6, 20), rounds.Of(1, 15)
		for i := range lanes {
			l := newLane(t, i)
			all.Add(1)
			go func() {
				defer all.Done()
				for range each {
					if err := l.restarts(); err != nil {
						t.Error(err)
						return
					}
				}
			}()
		}
		all.Wait()
		rounds.Held(t, lanes*each)
	})
}

// restarts plays one round: the command is a real one.
func (l *lane) restarts() error {
	name := filepath.Base(l.daemon)
	script := filepath.Join("/srv", name+".sh")
	text := fmt.Sprintf("#!/bin/sh\n%s killproc -p %s %s\n%s -p %s </dev/null >/dev/null 2>&1 &\nexit 0\n", pidproof, l.pidfile, l.daemon, l.daemon, l.pidfile)
	registration := fmt.Sprintf("DAEMON=%s\nPIDFILE=%s\nRESTART='%s'\n", l.daemon, l.pidfile, script)
	for path, content := range map[string]string{script: text, filepath.Join("/srv/instances", name): registration} {
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join("/srv/instances", name), 0o644); err != nil {
		return err
	}
	l.number++
	pid, err := l.start(l.number, -1, false, l.daemon)
	if err != nil || pid < 0 {
		return err // the storm has the number: no round
	}
	defer func() { _ = l.end(pid) }()
	if err := writePidfile(l.pidfile, pid, 0); err != nil {
		return err
	}
	if err := replace(l.daemon); err != nil {
		return err
	}
	time.Sleep(20 * time.Millisecond) // no number comes round within a clock tick
	asked := make(chan error, 1)
	var a answer
	go func() {
		var err error
		a, err = tryRun(pidproof, "restart", "--replaced", l.daemon)
		asked <- err
	}()
	got, swapErr := l.swap(pid, l.random.IntN(30_000), -1, "-", stranger)
	if err := <-asked; err != nil {
		return err
	}
	if swapErr != nil || got < 0 {
		return swapErr
	}
	if harm, err := l.harm(pid); harm != "" || err != nil {
		return fmt.Errorf("%d, now an innocent, got a signal: %s (%v): %s", pid, harm, err, a)
	}
	// What the restart command started, if it came to that.
	_, err = tryRun(pidproof, "killproc", "-p", l.pidfile, l.daemon)
	return err
}

// replace gives the daemon a new file.
func replace(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", content, 0o755); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
