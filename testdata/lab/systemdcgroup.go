package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// cgroup is a control group below the test's own, for a host whose init makes groups. The kernel has no way to tie one
// to the life of a process: what a test process that is killed leaves is empty, and its supervisor removes it, or the next one.
type cgroup struct {
	mount *os.File // of cgroup2, and in nobody's mount table: the machine's may be read-only, or not there
	name  string   // below the mount
	host  *os.File // the root of the host's cgroup namespace
	runs  *os.File // below it, where Run's commands go; systemd leaves groups alone that are no unit's
}

const cgroupPrefix = "pidproof-lab-" // then the PID of the test process, and a number

var cgroups atomic.Int32

// newCgroup makes a group, and removes what test processes have left.
func newCgroup() (*cgroup, error) {
	mount, err := mountCgroups()
	if err != nil {
		return nil, fmt.Errorf("mounting cgroup2: %w", err)
	}
	if err := removeLeftGroups(mount); err != nil {
		return nil, err
	}
	own, err := ownCgroup()
	if err != nil {
		return nil, err
	}
	c := &cgroup{mount: mount}
	c.name = filepath.Join(own, fmt.Sprintf("%s%d-%d", cgroupPrefix, os.Getpid(), cgroups.Add(1)))
	for name, file := range map[string]**os.File{c.name: &c.host, filepath.Join(c.name, "lab"): &c.runs} {
		if err := os.MkdirAll(c.path(name), 0o755); err != nil {
			return nil, err
		}
		if *file, err = os.Open(c.path(name)); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// removeLeftGroups removes the groups of test processes that are gone.
func removeLeftGroups(mount *os.File) error {
	own, err := ownCgroup()
	if err != nil {
		return err
	}
	left, err := filepath.Glob(below(mount, filepath.Join(own, cgroupPrefix+"*-*")))
	for _, dir := range left {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), cgroupPrefix), "-")
		if gone, err := ended("/proc/" + pid); gone && err == nil {
			_ = removeGroups(dir) // in use by a host that is just dying: then the next one removes it
		}
	}
	return err
}

func mountCgroups() (*os.File, error) {
	config, err := unix.Fsopen("cgroup2", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(config)
	if err := unix.FsconfigCreate(config); err != nil {
		return nil, err
	}
	mount, err := unix.Fsmount(config, unix.FSMOUNT_CLOEXEC, 0)
	return os.NewFile(uintptr(mount), "cgroup2"), err
}

// ownCgroup is this process's group in the second version's hierarchy. cgroups(7), /proc/PID/cgroup
func ownCgroup() (string, error) {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	_, group, found := strings.Cut("\n"+string(groups), "\n0::")
	if !found {
		return "", errors.New("/proc/self/cgroup: no group of cgroup2")
	}
	group, _, _ = strings.Cut(group, "\n")
	return group, nil
}

func (c *cgroup) path(name string) string { return below(c.mount, name) }

func below(mount *os.File, name string) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", mount.Fd(), name)
}

// root makes a command start in the group, as the root of a namespace. That takes unshare(1): CLONE_NEWCGROUP has the
// parent's group as its root, cgroup_namespaces(7).
func (c *cgroup) root(cmd *exec.Cmd) {
	if c == nil {
		return
	}
	cmd.Args = append([]string{"unshare", "--cgroup", "--"}, cmd.Args...)
	cmd.Path, cmd.Err = exec.LookPath("unshare")
	cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(c.host.Fd())
}

// enter makes a command start beside the host's services.
func (c *cgroup) enter(cmd *exec.Cmd) {
	if c != nil {
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(c.runs.Fd())
	}
}

// remove removes the group once nothing runs in it. Done twice, nothing changes.
func (c *cgroup) remove() error {
	if c == nil {
		return nil
	}
	return removeGroups(c.path(c.name))
}

func removeGroups(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if entry.IsDir() {
			err = errors.Join(err, removeGroups(filepath.Join(dir, entry.Name())))
		}
	}
	if err != nil {
		return err
	}
	if err := syscall.Rmdir(dir); err != nil { // os.Remove would try unlink first
		return fmt.Errorf("the cgroup %s: %w", filepath.Base(dir), err)
	}
	return nil
}
