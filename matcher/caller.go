package matcher

import (
	"os"
	"slices"
	"strconv"
	"time"
)

// Caller lists pid, our parent, and, while that is a subshell, the shells it was
// forked from: together they are the script that called us. Called through a
// shell function, `$(pidof -o %PPID …)` has a parent that is only a copy of the
// script in dash, busybox sh and mksh. An error means that there may be more.
func Caller(pid int) (pids []int, err error) {
	h := thisHost()
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
	h := thisHost()
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

// RunsUnder reports that pid, our parent, is a held process or descends from it, as a
// login session does from sshd.
func RunsUnder(pid int, of *Process) (bool, error) {
	ancestors, err := Ancestors(pid)
	return slices.Contains(ancestors, of.Evidence.PID), err
}

// Children lists the processes whose parent is pid.
func Children(pid int) (pids []int, err error) {
	h := thisHost()
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
	h := thisHost()
	stat, err := h.readStat(pid)
	if err != nil {
		return time.Time{}, err
	}
	return h.startOf(stat)
}
