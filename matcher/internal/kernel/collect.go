package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// UserHZ is the unit of starttime in /proc/PID/stat, in ticks a second: 100 on
// every architecture Go runs on (include/uapi/asm-generic/param.h).
const UserHZ = 100

// Flags in field 9 of /proc/PID/stat, PF_* of include/linux/sched.h.
const (
	Exiting      = 0x00000004 // PF_EXITING: in do_exit, which takes the program away first
	ForkedNoExec = 0x00000040 // PF_FORKNOEXEC: a fork that still runs what its parent runs
	KernelThread = 0x00200000 // PF_KTHREAD
)

// Collect reads what the rules need first about the process p holds, and says
// whether it still was the same process afterwards. What costs more is read by
// supply, when a rule asks. What is between two programs is looked at again until it
// runs one.
func (h *System) Collect(p *Handle) (e fact.Evidence, err error) {
	for again := h.Patience(); ; {
		if e, err = h.collectOnce(p); err != nil || !betweenPrograms(e) {
			return e, err
		}
		if !again() {
			e.Exe = fact.Failed[fact.Exe](fact.ErrBetweenPrograms)
			return e, nil
		}
	}
}

// betweenPrograms reports of a process that lives, and of no kernel thread, that it
// has no executable, or had no namespaces just before. A thread other than the first that
// replaces the program takes the first one's place, which has ended then: what is read in
// between is of neither (execve(2), de_thread in fs/exec.c; Go's syscall.Exec runs on
// any thread). It takes as long as the other threads need to end.
func betweenPrograms(e fact.Evidence) bool {
	return e.Life == fact.Alive && !e.Kernel && (e.Exe.State == fact.Absent || e.Torn)
}

// Patience waits, each time it is called, a little longer, until half of the time for the
// answer has passed; then it says no.
func (h *System) Patience() (again func() bool) {
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
		if h.Still || !time.Now().Before(end) {
			return false
		}
		time.Sleep(tick)
		tick = min(2*tick, last)
		return true
	}
}

// StartOf is when a process started, by the clock of now.
func (h *System) StartOf(stat Stat) (time.Time, error) {
	boot, err := h.Boot()
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the clocks: %w", err)
	}
	const tick = time.Second / UserHZ
	return boot.Add(time.Duration(stat.Start) * tick).Truncate(tick), nil
}

func (h *System) collectOnce(p *Handle) (fact.Evidence, error) {
	e := fact.Evidence{PID: p.pid, Pin: p.PinnedBy(), AsRoot: os.Geteuid() == 0, Ourselves: p.pid == os.Getpid()}
	h.Doing("reading %s/%d", h.Proc, p.pid)
	stat, err := h.ReadStatOfLiving(p.pid)
	if err != nil {
		return h.unseen(e, p, err)
	}
	fillStat(&e, stat)
	if p.start == 0 {
		p.start = stat.Start
	}
	if e.Started, err = h.StartOf(stat); err != nil {
		return e, err
	}

	status, err := h.ReadStatus(p.pid)
	if err != nil {
		return h.unseen(e, p, err)
	}
	fillStatus(&e, status)
	if status.TGID != 0 && status.TGID != p.pid {
		e.Life = fact.Thread
		return e, nil
	}

	if HasEnded(stat) {
		e.Life = fact.Zombie
		return e, nil
	}
	dir := filepath.Join(h.Proc, strconv.Itoa(p.pid))
	if stat.State == "Z" && stat.Threads > 1 {
		// The first thread has ended, the others go on (pthread_exit in main):
		// its own exe link is gone, theirs are there.
		thread, ending, err := h.LivingThread(p.pid)
		if errors.Is(err, fact.ErrThreads) {
			e.Exe = fact.Failed[fact.Exe](err)
			return h.stillHeld(e, p, stat.Start)
		}
		if err != nil {
			return e, err
		}
		if ending {
			e.Life = fact.Ending
			return e, nil
		}
		dir = thread
	}
	if err := h.lookAtProgram(&e, dir, status); err != nil {
		return e, err
	}
	if err := h.lookPastEnding(&e, dir, stat, status); err != nil {
		return e, err
	}
	return h.stillHeld(e, p, stat.Start)
}

// lookPastEnding looks at another thread where the first has let go of its program without
// having ended: it is ending, and waits for a file server to close what it had open. The
// others may go on, or all of them are ending.
func (h *System) lookPastEnding(e *fact.Evidence, dir string, stat Stat, status Status) error {
	switch {
	case e.Exe.State == fact.Unreadable && errors.Is(e.Exe.Err, os.ErrPermission) && stat.Flags&Exiting != 0 && stat.Threads <= 1:
		e.Life = fact.Ending // whether it still has a program we may not see, and it does not matter
		return nil
	case e.Exe.State != fact.Absent || e.Kernel:
		return nil
	}
	thread, ending, err := h.LivingThread(e.PID)
	switch {
	case errors.Is(err, fact.ErrThreads):
		e.Exe = fact.Failed[fact.Exe](err)
	case err != nil:
		return err
	case ending:
		e.Life = fact.Ending
	case thread != dir:
		return h.lookAtProgram(e, thread, status)
	}
	return nil
}

// lookAtProgram reads what the process runs and where, as its user if we may not.
func (h *System) lookAtProgram(e *fact.Evidence, dir string, status Status) (err error) {
	look := func() {
		if err = h.placeTree(e, dir); err == nil {
			e.Exe = h.readExe(dir)
		}
	}
	if look(); err == nil && e.Exe.State == fact.Unreadable && errors.Is(e.Exe.Err, os.ErrPermission) {
		AsItsUser(status, look)
	}
	if err == nil {
		err = fact.Unforeseen(e.Exe.Err)
	}
	return err
}

// stillHeld makes of the evidence that of nobody, where the number may have passed to
// another while it was collected.
func (h *System) stillHeld(e fact.Evidence, p *Handle, start uint64) (fact.Evidence, error) {
	if ended, err := p.ended(); err != nil {
		return e, err
	} else if ended {
		e.Life = fact.Gone
		return e, nil
	}
	if p.byPidfd() {
		return e, nil
	}
	again, err := h.ReadStat(p.pid)
	switch {
	case err != nil && !fact.Vanished(err):
		return e, err
	case err != nil || again.Start != start:
		e.Life = fact.Gone
	}
	return e, nil
}

// unseen tells a process that has ended from one that /proc hides: with a pidfd
// on it that says it lives, its absence is the mount's doing (hidepid=2).
func (h *System) unseen(e fact.Evidence, p *Handle, err error) (fact.Evidence, error) {
	hides := func(why error) (fact.Evidence, error) {
		e.Life, e.Exe = fact.Hidden, fact.Failed[fact.Exe](why)
		return e, nil
	}
	switch {
	case os.IsPermission(err): // hidepid=1
		return hides(err)
	case !fact.Vanished(err):
		return e, fmt.Errorf("reading %s/%d: %w", h.Proc, p.pid, err)
	case !p.byPidfd() && h.Taken(p.pid):
		return hides(unix.EACCES)
	}
	if ended, pollErr := p.ended(); pollErr != nil {
		return e, pollErr
	} else if p.byPidfd() && !ended {
		return hides(unix.EACCES)
	}
	e.Life = fact.Gone
	return e, nil
}

// HasEnded reports that only the exit status of a process is left. A first
// thread may end before the others: by pthread_exit in main, and where another one
// calls execve(2) and takes its place. Then it is dead for a moment, too, and there are two
// (de_thread in fs/exec.c): once in some thousand checks of a program that executes itself.
func HasEnded(s Stat) bool {
	return (s.State == "X" || s.State == "Z") && s.Threads <= 1
}

func fillStat(e *fact.Evidence, s Stat) {
	e.Comm, e.State = s.Comm, s.State
	e.PPID, e.Group, e.Session, e.Terminal = s.PPID, s.Group, s.Session, s.Terminal
	e.StartTicks = s.Start
	e.Kernel = s.Flags&KernelThread != 0
	e.Forked = s.Flags&ForkedNoExec != 0
}

func fillStatus(e *fact.Evidence, s Status) {
	e.UID, e.EUID = s.UIDs[0], s.UIDs[1]
	// NSpid lists a number for each PID namespace from that of /proc, which is
	// ours, down to the process's own. Absent before Linux 4.1.
	switch {
	case s.Namespaces == 1:
		e.PIDNS = fact.SamePlace
	case s.Namespaces > 1:
		e.PIDNS = fact.OtherPlace
	}
}
