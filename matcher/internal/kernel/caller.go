package kernel

import (
	"time"

	"github.com/prometheus/procfs"

	"pidproof/matcher/internal/fact"
)

// Caller lists pid, our parent, and, while that is a subshell, the shells it was
// forked from: together they are the script that called us. Called through a
// shell function, `$(pidof -o %PPID …)` has a parent that is only a copy of the
// script in dash, busybox sh and mksh. An error means that there may be more.
func Caller(pid int) (pids []int, err error) {
	h := ThisSystem()
	for pid > 1 && len(pids) < MaxAncestors {
		pids = append(pids, pid)
		stat, err := h.ReadStat(pid)
		if err != nil {
			return pids, h.Unforeseen(err)
		}
		if stat.Flags&forkedNoExec == 0 {
			break
		}
		pid = stat.PPID
	}
	return pids, nil
}

// Ancestors lists pid, its parent, and so on up to the first process of the namespace. An
// error means that there may be more; that one has ended meanwhile is none.
func Ancestors(pid int) (pids []int, err error) {
	h := ThisSystem()
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
	h := ThisSystem()
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
	h := ThisSystem()
	stat, err := h.ReadStat(pid)
	if err != nil {
		return time.Time{}, err
	}
	return h.StartOf(stat)
}

// MaxAncestors bounds a walk up the process tree.
const MaxAncestors = 64
