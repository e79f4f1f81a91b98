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
// script in dash, busybox sh and mksh.
func Caller(pid int) []int {
	var pids []int
	h := thisHost()
	for pid > 1 && len(pids) < maxAncestors {
		pids = append(pids, pid)
		stat, err := h.readStat(pid)
		if err != nil || stat.Flags&forkedNoExec == 0 {
			break
		}
		pid = stat.PPID
	}
	return pids
}

// Ancestors lists pid, its parent, and so on up to the first process of the namespace.
func Ancestors(pid int) (pids []int) {
	h := thisHost()
	for pid > 0 && len(pids) < PIDMax {
		stat, err := h.readStat(pid)
		if err != nil {
			break
		}
		pids = append(pids, pid)
		pid = stat.PPID // PID 1's is 0
	}
	return pids
}

// RunsUnder reports that pid, our parent, is a held process or descends from it, as a
// login session does from sshd.
func RunsUnder(pid int, of *Process) bool {
	return slices.Contains(Ancestors(pid), of.Evidence.PID)
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
		if stat, err := h.readStat(child); err == nil && stat.PPID == pid { // else it has ended
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
