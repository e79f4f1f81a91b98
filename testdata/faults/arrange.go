package faults

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// clear ends everything in the namespaces, and empties what the situations use.
func (h *host) clear() error {
	_ = syscall.Kill(-1, syscall.SIGKILL) // ESRCH: nobody was there
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			break
		}
	}
	h.ended = map[int]bool{}
	_ = unix.Unmount(h.path("sbin/webd"), unix.MNT_DETACH) // as a rule nothing is mounted there
	for _, dir := range []string{"/run", h.path("sbin"), h.path("work"), h.path("instances.d")} {
		if err := empty(dir); err != nil {
			return err
		}
	}
	for _, path := range []string{"/etc/inetd.conf", "/etc/xinetd.conf", "/etc/init.d/webd", "/etc/default/pidproof"} {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

func empty(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) writeProgram(path string) error {
	return os.WriteFile(path, s.demod, 0o755)
}

// spawn starts a process that runs the file when this returns.
func (s *scene) spawn(argv ...string) (pid int, err error) {
	if pid, err = s.start(argv, nil, os.DevNull, s.path("spawned")); err != nil {
		return 0, err
	}
	return pid, until("the start of "+argv[0], func() bool {
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return err == nil && bytes.Contains(cmdline, []byte(argv[0])) && sleeps(pid)
	})
}

func sleeps(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") S ")
}

func (s *scene) named(pidfile string, pid int) error {
	return until(pidfile+" is written", func() bool {
		content, err := os.ReadFile(pidfile)
		return err == nil && string(content) == strconv.Itoa(pid)+"\n"
	})
}

// childOf is one child of a process, 0 if it has none.
func childOf(pid int) int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		content, _ := os.ReadFile(list)
		if fields := strings.Fields(string(content)); len(fields) > 0 {
			child, _ := strconv.Atoi(fields[0])
			return child
		}
	}
	return 0
}

// isWorker: before it is one it has the name that its execution gave it.
func isWorker(pid int) bool {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && string(comm) != "exe\n" && sleeps(pid)
}

// present are the files that a command may change, with their content.
func (s *scene) present() map[string]string {
	found := map[string]string{}
	for _, root := range []string{"/run", s.path("instances.d"), s.path("work"), "/etc/inetd.conf", "/etc/xinetd.conf"} {
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || path == s.path("work/webd") { // a program
				return nil
			}
			content, _ := os.ReadFile(path)
			found[path] = string(content)
			return nil
		})
	}
	return found
}

// gone are those of these processes that have ended.
func (s *scene) gone() (pids []int) {
	s.collect()
	for pid, start := range s.processes {
		if startOf(pid) != start {
			pids = append(pids, pid)
		}
	}
	return pids
}
