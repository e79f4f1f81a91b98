package histories

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is one that was started in a history.
type process struct {
	pid, uid int
	group    int      // of its process group and session: the main process's number
	name     *name    // what it was started by, as the kernel knows it
	argv0    string   // the same, as it was then
	parent   *process // who forked it; nil: init, or somebody who has ended
	workers  []*process
	started  time.Time
	outlived bool // its workers outlive it
	elsewise bool // it has a user namespace and a mount tree of its own
	ended    bool
}

// launch is how a process is started.
type launch struct {
	pid, uid  int
	pidfile   string
	owner     int // of the pidfile
	workers   int
	outlived  bool
	elsewhere string // the directory over which it mounts a tree of its own
	removed   bool   // and removes its file there
	argv0     string // "": the path
}

// launch starts one, which has its workers and its pidfile when this returns.
func (w *world) launch(n *name, how launch) (*process, error) {
	argv := []string{n.path, "-n", strconv.Itoa(how.pid), "-u", strconv.Itoa(how.uid), "-w", strconv.Itoa(how.workers)}
	if how.argv0 != "" {
		argv[0] = how.argv0
	}
	if how.pidfile != "" {
		argv = append(argv, "-p", how.pidfile, "-o", strconv.Itoa(how.owner))
	}
	if how.outlived {
		argv = append(argv, "-k")
	}
	if how.elsewhere != "" {
		argv = append(argv, "-s", how.elsewhere)
	}
	if how.removed {
		argv = append(argv, "-d")
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	child, err := syscall.ForkExec(n.path, argv, &syscall.ProcAttr{Env: []string{}, Files: []uintptr{null.Fd(), 2, 2}})
	if err != nil {
		return nil, fmt.Errorf("%q: %w", argv, err)
	}
	var status syscall.WaitStatus
	if err := waitFor(child, &status); err != nil || status.ExitStatus() != 0 {
		return nil, fmt.Errorf("%q: status %#x, %v", argv, status, err)
	}
	main := &process{pid: how.pid, uid: how.uid, group: how.pid, name: n, argv0: argv[0], outlived: how.outlived, elsewise: how.elsewhere != ""}
	if main.started, err = w.startOf(main.pid); err != nil {
		return nil, err
	}
	w.living[main.pid] = main
	for i := range how.workers {
		p := &process{pid: how.pid + 1 + i, uid: how.uid, group: how.pid, name: n, argv0: argv[0], parent: main}
		if p.started, err = w.startOf(p.pid); err != nil {
			return nil, err
		}
		main.workers = append(main.workers, p)
		w.living[p.pid] = p
	}
	return main, nil
}

func waitFor(pid int, status *syscall.WaitStatus) error {
	for {
		if _, err := syscall.Wait4(pid, status, 0, nil); err != syscall.EINTR {
			return err
		}
	}
}

// startOf reads when a process started, in ticks of 10 ms since the boot: field 22
// of /proc/PID/stat.
func (w *world) startOf(pid int) (time.Time, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return time.Time{}, err
	}
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
	ticks, err := strconv.ParseInt(fields[22-3], 10, 64)
	return w.lab.boot.Add(time.Duration(ticks) * 10 * time.Millisecond), err
}

// kill sends a signal by which a process ends, and those workers with it that do.
func (w *world) kill(p *process, sig syscall.Signal) error {
	ends := p.endsWith(sig)
	if err := syscall.Kill(p.pid, sig); err != nil {
		return err
	}
	return w.ended(ends)
}

// endsWith are those that end when p gets the signal: of TERM, a main process tells
// its workers.
func (p *process) endsWith(sig syscall.Signal) []*process {
	ends := []*process{p}
	for _, worker := range p.workers {
		if sig == unix.SIGTERM && !p.outlived && !worker.ended {
			ends = append(ends, worker)
		}
	}
	return ends
}

// ended waits until these have ended, and takes note of it.
func (w *world) ended(these []*process) error {
	for _, p := range these {
		if err := pollUntil(fmt.Sprintf("%d has ended", p.pid), func() bool { return collected(p.pid) }); err != nil {
			return err
		}
		p.ended = true
		delete(w.living, p.pid)
		for _, worker := range p.workers {
			worker.parent = nil // init's now
		}
	}
	return nil
}

// collected reports that nobody has this number any more, having collected it if it
// is our child.
func collected(pid int) bool {
	_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
	return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// lives reports that a process is there, and no zombie.
func lives(pid int) bool {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	state := content[bytes.LastIndexByte(content, ')')+2]
	return state != 'Z' && state != 'X'
}

// endAll kills all processes of the namespace but ourselves and one.
func endAll(but int) error {
	return pollUntil("all processes have ended", func() bool {
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return false
		}
		none := true
		for _, e := range entries {
			pid, err := strconv.Atoi(e.Name())
			if err != nil || pid == os.Getpid() || pid == but {
				continue
			}
			_ = syscall.Kill(pid, syscall.SIGKILL)
			none = collected(pid) && none
		}
		return none
	})
}
