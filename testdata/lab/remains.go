package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// remains lists the processes in the host's PID namespace, the mounts of the host in any process's view, and its cgroup
// if that is in use.
func (h *Host) remains(t *testing.T) (left []string) {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range processes {
		if in, err := h.holds(process); err != nil {
			t.Errorf("looking for what the host left: %v", err)
		} else if in {
			left = append(left, "a process: "+process)
		}
		mounts, err := os.ReadFile(process + "/mountinfo")
		if err != nil && !notOurs(err) {
			t.Errorf("looking for what the host left: %v", err)
		}
		for line := range strings.Lines(string(mounts)) {
			if strings.Contains(line, " "+h.dir+" ") {
				left = append(left, fmt.Sprintf("a mount that %s sees: %s", process, line))
			}
		}
	}
	if err := h.cgroup.remove(); err != nil {
		left = append(left, err.Error())
	}
	return left
}

// holds tells whether a process, given as its /proc folder, lives in the host's PID namespace.
func (h *Host) holds(process string) (bool, error) {
	if h.pidns == nil {
		return false, nil
	}
	ours, err := h.pidns.Stat()
	if err != nil {
		return false, err
	}
	theirs, err := os.Stat(process + "/ns/pid")
	if notOurs(err) {
		return false, nil
	}
	if err != nil || !os.SameFile(ours, theirs) {
		return false, err
	}
	gone, err := ended(process)
	return !gone, err
}

// ended says so of a zombie, too: one whose parent was killed stays until the tests' supervisor ends, which waits for nobody
// before, so that a number that a test has seen is nobody else's.
func ended(process string) (bool, error) {
	status, err := os.ReadFile(process + "/status")
	if notOurs(err) {
		return true, nil
	}
	return bytes.Contains(status, []byte("\nState:\tZ")), err
}

// notOurs: a process can end between two looks at it (a zombie's mountinfo answers EINVAL), and one that even this root
// may not look into, as a container's root may not into the machine's init, was not started by it.
func notOurs(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) ||
		errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.EINVAL)
}
