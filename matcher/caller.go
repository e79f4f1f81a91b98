package matcher

import (
	"os"
	"strconv"
	"time"
)

// Caller lists pid, our parent, and, while that is a subshell, the shells it was
// forked from: together they are the script that called us. Called through a
// shell function, `$(pidof -o %PPID …)` has a parent that is only a copy of the
// script in dash, busybox sh and mksh. An error means that there may be more.
func Caller(pid int) (pids []int, err error) {
	h := thisSystem()
	for pid > 1 && len(pids) < maxAncestors {
		pids = append(pids, pid)
		stat, err := h.readStat(pid)
		if err != nil {
			return pids, h.unforeseen(err)
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
	h := thisSystem()
	for pid > 0 && len(pids) < PIDMax {
		stat, err := h.readStat(pid)
		if err != nil {
			return pids, h.unforeseen(err)
		}
		pids = append(pids, pid)
		pid = stat.PPID // PID 1's is 0
	}
	return pids, nil
}

// Children lists the processes whose parent is pid.
func Children(pid int) (pids []int, err error) {
	h := thisSystem()
	entries, err := os.ReadDir(h.proc)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := h.readStat(child)
		if err := h.unforeseen(err); err != nil {
			return nil, err
		}
		if err == nil && stat.PPID == pid { // else it has ended
			pids = append(pids, child)
		}
	}
	return pids, nil
}

// StartedAt is when a process started (/proc/PID/stat), in the clock of now.
func StartedAt(pid int) (time.Time, error) {
	h := thisSystem()
	stat, err := h.readStat(pid)
	if err != nil {
		return time.Time{}, err
	}
	return h.startOf(stat)
}

// maxAncestors bounds a walk up the process tree.
const maxAncestors = 64
