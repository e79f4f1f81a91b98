package matcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// userHZ is the unit of starttime in /proc/PID/stat, in ticks a second: 100 on
// every architecture Go runs on (include/uapi/asm-generic/param.h).
const userHZ = 100

// Flags in field 9 of /proc/PID/stat, PF_* of include/linux/sched.h.
const (
	exiting      = 0x00000004 // PF_EXITING: in do_exit, which takes the program away first
	forkedNoExec = 0x00000040 // PF_FORKNOEXEC: a fork that still runs what its parent runs
	kernelThread = 0x00200000 // PF_KTHREAD
)

// collect reads what the rules need first about the process p holds, and says
// whether it still was the same process afterwards. What costs more is read by
// supply, when a rule asks. What is between two programs is looked at again until it
// runs one.
func (h *system) collect(p *handle) (e Evidence, err error) {
	for again := h.patience(); ; {
		if e, err = h.collectOnce(p); err != nil || !betweenPrograms(e) {
			return e, err
		}
		if !again() {
			e.Exe = failed[Exe](errBetweenPrograms)
			return e, nil
		}
	}
}

// betweenPrograms reports of a process that lives, and of no kernel thread, that it
// has no executable, or had no namespaces just before. A thread other than the first that
// replaces the program takes the first one's place, which has ended then: what is read in
// between is of neither (execve(2), de_thread in fs/exec.c; Go's syscall.Exec runs on
// any thread). It takes as long as the other threads need to end.
func betweenPrograms(e Evidence) bool {
	return e.Life == Alive && !e.Kernel && (e.Exe.State == Absent || e.torn)
}

// patience waits, each time it is called, a little longer, until half of the time for the
// answer has passed; then it says no.
func (h *system) patience() (again func() bool) {
	const (
		first = 100 * time.Microsecond
		last  = 20 * time.Millisecond
		least = 5 * time.Second // of who gave no deadline
	)
	begun, tick := time.Now(), first
	end := begun.Add(least)
	if !h.until.IsZero() {
		end = begun.Add(time.Until(h.until) / 2)
	}
	return func() bool {
		if h.still || !time.Now().Before(end) {
			return false
		}
		time.Sleep(tick)
		tick = min(2*tick, last)
		return true
	}
}

// startOf is when a process started, by the clock of now.
func (h *system) startOf(stat procStat) (time.Time, error) {
	boot, err := h.boot()
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the clocks: %w", err)
	}
	const tick = time.Second / userHZ
	return boot.Add(time.Duration(stat.Start) * tick).Truncate(tick), nil
}

func (h *system) collectOnce(p *handle) (Evidence, error) {
	e := Evidence{PID: p.pid, Pin: p.pinnedBy(), AsRoot: os.Geteuid() == 0, Ourselves: p.pid == os.Getpid()}
	h.doing("reading %s/%d", h.proc, p.pid)
	stat, err := h.readStat(p.pid)
	if err != nil {
		return h.unseen(e, p, err)
	}
	fillStat(&e, stat)
	if p.start == 0 {
		p.start = stat.Start
	}
	if e.Started, err = h.startOf(stat); err != nil {
		return e, err
	}

	status, err := h.readStatus(p.pid)
	if err != nil {
		return h.unseen(e, p, err)
	}
	fillStatus(&e, status)
	if status.TGID != 0 && status.TGID != p.pid {
		e.Life = Thread
		return e, nil
	}

	if hasEnded(stat) {
		e.Life = Zombie
		return e, nil
	}
	dir := filepath.Join(h.proc, strconv.Itoa(p.pid))
	if stat.State == "Z" && stat.Threads > 1 {
		// The first thread has ended, the others go on (pthread_exit in main):
		// its own exe link is gone, theirs are there.
		thread, ending, err := h.livingThread(p.pid)
		if err != nil {
			return e, err
		}
		if ending {
			e.Life = Ending
			return e, nil
		}
		dir = thread
	}
	if err := h.lookAtProgram(&e, dir, status); err != nil {
		return e, err
	}
	if e.Exe.State == Absent && !e.Kernel {
		if _, ending, err := h.livingThread(p.pid); err != nil {
			return e, err
		} else if ending {
			e.Life = Ending
		}
	}
	return h.stillHeld(e, p, stat.Start)
}

// lookAtProgram reads what the process runs and where, as its user if we may not.
func (h *system) lookAtProgram(e *Evidence, dir string, status procStatus) (err error) {
	look := func() {
		if err = h.placeTree(e, dir); err == nil {
			e.Exe = h.readExe(dir)
		}
	}
	if look(); err == nil && e.Exe.State == Unreadable && errors.Is(e.Exe.Err, os.ErrPermission) {
		asItsUser(status, look)
	}
	if err == nil {
		err = unforeseen(e.Exe.Err)
	}
	return err
}

// stillHeld makes of the evidence that of nobody, where the number may have passed to
// another while it was collected.
func (h *system) stillHeld(e Evidence, p *handle, start uint64) (Evidence, error) {
	if ended, err := p.ended(); err != nil {
		return e, err
	} else if ended {
		e.Life = Gone
		return e, nil
	}
	if p.byPidfd() {
		return e, nil
	}
	again, err := h.readStat(p.pid)
	switch {
	case err != nil && !vanished(err):
		return e, err
	case err != nil || again.Start != start:
		e.Life = Gone
	}
	return e, nil
}

// unseen tells a process that has ended from one that /proc hides: with a pidfd
// on it that says it lives, its absence is the mount's doing (hidepid=2).
func (h *system) unseen(e Evidence, p *handle, err error) (Evidence, error) {
	hides := func(why error) (Evidence, error) {
		e.Life, e.Exe = Hidden, failed[Exe](why)
		return e, nil
	}
	switch {
	case os.IsPermission(err): // hidepid=1
		return hides(err)
	case !vanished(err):
		return e, fmt.Errorf("reading %s/%d: %w", h.proc, p.pid, err)
	case !p.byPidfd() && h.taken(p.pid):
		return hides(unix.EACCES)
	}
	if ended, pollErr := p.ended(); pollErr != nil {
		return e, pollErr
	} else if p.byPidfd() && !ended {
		return hides(unix.EACCES)
	}
	e.Life = Gone
	return e, nil
}

// hasEnded reports that only the exit status of a process is left. A first
// thread may end before the others (pthread_exit in main).
func hasEnded(s procStat) bool {
	return s.State == "X" || s.State == "Z" && s.Threads <= 1
}

func fillStat(e *Evidence, s procStat) {
	e.Comm, e.State = s.Comm, s.State
	e.PPID, e.Group, e.Session = s.PPID, s.Group, s.Session
	e.StartTicks = s.Start
	e.Kernel = s.Flags&kernelThread != 0
	e.Forked = s.Flags&forkedNoExec != 0
}

func fillStatus(e *Evidence, s procStatus) {
	e.UID, e.EUID = s.UIDs[0], s.UIDs[1]
	// NSpid lists a number for each PID namespace from that of /proc, which is
	// ours, down to the process's own. Absent before Linux 4.1.
	switch {
	case s.Namespaces == 1:
		e.PIDNS = SamePlace
	case s.Namespaces > 1:
		e.PIDNS = OtherPlace
	}
}

// livingThread gives the /proc directory of a thread that has an exe link, or says that
// all of them are ending: their program is gone, what it held may not be yet.
func (h *system) livingThread(pid int) (dir string, ending bool, err error) {
	own := filepath.Join(h.proc, strconv.Itoa(pid))
	tasks, err := os.ReadDir(filepath.Join(own, "task"))
	if vanished(err) {
		return own, false, nil // it has ended: whoever asked looks again
	}
	if err != nil {
		return "", false, err
	}
	ending = len(tasks) > 0
	for _, t := range tasks {
		thread := filepath.Join(own, "task", t.Name())
		_, err := os.Readlink(filepath.Join(thread, "exe"))
		if err == nil || errors.Is(err, os.ErrPermission) {
			return thread, false, nil
		}
		if !vanished(err) {
			return "", false, err
		}
		stat, err := readStatFile(filepath.Join(thread, "stat"))
		if err != nil && !vanished(err) {
			return "", false, err
		}
		// One that is not there any more may have taken the place of the first, execve(2).
		ending = ending && err == nil && stat.Flags&exiting != 0
	}
	return own, ending, nil
}
