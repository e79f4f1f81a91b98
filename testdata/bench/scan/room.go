package scan

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// idleMemory is more than an idle process takes, with the kernel's part: 194 KiB here.
const idleMemory = 256 << 10

// limit is how many processes something allows, and how many of them there are.
type limit struct {
	all, used int64
	what      string
}

// left leaves a quarter to everybody else: who cannot fork meanwhile, fails.
func (l limit) left() int64 { return max(0, l.all-l.all/4-l.used) }

// room is what limits the number of processes, each limit by itself.
type room []limit

// lacks says what leaves no room for so many more processes; empty: nothing.
func (r room) lacks(processes int) string {
	for _, l := range r {
		if int64(processes) > l.left() {
			return fmt.Sprintf("%s leaves room for %s when others keep a quarter", l.what, count(int(l.left())))
		}
	}
	return ""
}

// hostRoom reads the limits of the machine. It must not be asked in a new PID namespace: since Linux 6.14 each has a
// kernel.pid_max of its own, which says 4194304, while a process takes a number in every namespace above as well.
func hostRoom() (room, error) {
	tasks, err := hostTasks()
	if err != nil {
		return nil, err
	}
	var r room
	for _, name := range []string{"pid_max", "threads-max"} {
		all, err := readNumber("/proc/sys/kernel/" + name)
		if err != nil {
			return nil, err
		}
		r = append(r, limit{all, tasks, "kernel." + name})
	}
	available, err := memAvailable()
	if err != nil {
		return nil, err
	}
	r = append(r, limit{available / idleMemory, 0, "free memory"})
	var nproc unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &nproc); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 && nproc.Cur < 1<<32 { // root's processes are not limited: setrlimit(2)
		r = append(r, limit{int64(nproc.Cur), 0, "RLIMIT_NPROC"})
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	return append(r, cgroupRoom("/sys/fs/cgroup", string(groups))...), nil
}

// cgroupRoom walks from this process's groups up to the roots, in both versions of cgroups(7). A group without such a
// limit has no such file, or `max` in it.
func cgroupRoom(root, groups string) (r room) {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		top := filepath.Join(root, parts[1])
		for group := filepath.Join(top, parts[2]); strings.HasPrefix(group, top); group = filepath.Dir(group) {
			for _, f := range []struct {
				all, used, what string
				each            int64
			}{
				{"pids.max", "pids.current", "the cgroup's pids.max", 1},
				{"memory.max", "memory.current", "the cgroup's memory.max", idleMemory},
				{"memory.limit_in_bytes", "memory.usage_in_bytes", "the cgroup's memory limit", idleMemory},
			} {
				all, err1 := readNumber(filepath.Join(group, f.all))
				used, err2 := readNumber(filepath.Join(group, f.used))
				if err1 == nil && err2 == nil {
					r = append(r, limit{all / f.each, used / f.each, f.what})
				}
			}
		}
	}
	return r
}

// hostTasks is the number after the slash in /proc/loadavg: all threads of the machine, also from a namespace.
func hostTasks() (int64, error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	var load [3]float64
	var runnable, tasks int64
	_, err = fmt.Sscanf(string(text), "%g %g %g %d/%d", &load[0], &load[1], &load[2], &runnable, &tasks)
	return tasks, err
}

// memAvailable is in bytes.
func memAvailable() (int64, error) {
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("%s: no MemAvailable", file.Name())
}

func readNumber(path string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}
