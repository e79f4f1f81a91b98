package host

import (
	"time"

	"github.com/prometheus/procfs"

	"pidproof/matcher/internal/fact"
	"pidproof/matcher/internal/kernel"
)

// Caller lists pid, our parent, and, while that is a subshell, the shells it was
// forked from: together they are the script that called us. Called through a
// shell function, `$(pidof -o %PPID …)` has a parent that is only a copy of the
// script in dash, busybox sh and mksh. An error means that there may be more.
func Caller(pid int) (pids []int, err error) {
	h := kernel.ThisSystem()
	for pid > 1 && len(pids) < fact.MaxAncestors {
		pids = append(pids, pid)
		stat, err := h.ReadStat(pid)
		if err != nil {
			return pids, h.Unforeseen(err)
		}
		if stat.Flags&kernel.ForkedNoExec == 0 {
			break
		}
		pid = stat.PPID
	}
	return pids, nil
}

// Ancestors lists pid, its parent, and so on up to the first process of the namespace. An
// error means that there may be more; that one has ended meanwhile is none.
func Ancestors(pid int) (pids []int, err error) {
	h := kernel.ThisSystem()
	for pid > 0 && len(pids) < fact.PIDMax {
		stat, err := h.ReadStat(pid)
		if err != nil {
			return pids, h.Unforeseen(err)
		}
		pids = append(pids, pid)
		pid = stat.PPID // PID 1's is 0
	}
	return pids, nil
}

// Children lists the processes whose parent is pid.
func Children(pid int) (pids []int, err error) {
	h := kernel.ThisSystem()
	proc, err := procfs.NewFS(h.Proc)
	if err != nil {
		return nil, err
	}
	all, err := proc.AllProcs()
	if err != nil {
		return nil, err
	}
	for _, its := range all {
		stat, err := h.ReadStat(its.PID)
		if err := h.Unforeseen(err); err != nil {
			return nil, err
		}
		if err == nil && stat.PPID == pid { // else it has ended
			pids = append(pids, its.PID)
		}
	}
	return pids, nil
}

// StartedAt is when a process started (/proc/PID/stat), in the clock of now.
func StartedAt(pid int) (time.Time, error) {
	h := kernel.ThisSystem()
	stat, err := h.ReadStat(pid)
	if err != nil {
		return time.Time{}, err
	}
	return h.StartOf(stat)
}

// Life is what a process is called (comm) and when it started, in ticks since boot: who has
// both number and ticks is that process. 0: it has ended.
func Life(pid int) (comm string, started uint64, err error) {
	h := kernel.ThisSystem()
	stat, err := h.ReadStat(pid)
	if err != nil {
		return "", 0, h.Unforeseen(err)
	}
	if kernel.HasEnded(stat) {
		return "", 0, nil
	}
	return stat.Comm, stat.Start, nil
}
