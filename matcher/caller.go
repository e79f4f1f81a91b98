package matcher

// forkedNoExec is PF_FORKNOEXEC of include/linux/sched.h, in field 9 of
// /proc/PID/stat: the process is a fork that still runs what its parent runs.
const forkedNoExec = 0x40

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

// RunsUnder reports that pid, our parent, is a held process or descends from it, as a
// login session does from sshd.
func RunsUnder(pid int, of *Process) bool {
	h := thisHost()
	for hops := 0; pid > 0 && hops < PIDMax; hops++ {
		if pid == of.Evidence.PID {
			return true
		}
		stat, err := h.readStat(pid)
		if err != nil {
			return false // PID 1's is 0
		}
		pid = stat.PPID
	}
	return false
}
