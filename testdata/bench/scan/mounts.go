package scan

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// mountTree is where the mounts are, in a namespace of their own.
const mountTree = "/run/bench-mounts"

// mostRounds are enough for mounts: whoever asks for more asks for them beside processes.
const mostRounds = 100

// measureMounts runs what the budgets on mounts are about beside few and beside many of them, before the crowd is there.
// It needs a mount namespace of its own.
func (p *plan) measureMounts(launcher *launcher, main int, result *Result) (err error) {
	if p.Rounds > mostRounds {
		result.LeftOut = append(result.LeftOut, fmt.Sprintf("mounts: more than %d rounds were asked for", mostRounds))
		return nil
	}
	if err := errors.Join(os.Mkdir(mountTree, 0o755), unix.Mount("tmpfs", mountTree, "tmpfs", 0, "")); err != nil {
		return fmt.Errorf("%s: %w", mountTree, err)
	}
	// With all that is mounted in it: the processes are measured beside the mounts of the machine alone.
	defer func() { err = errors.Join(err, unix.Unmount(mountTree, unix.MNT_DETACH)) }()
	takesPart := func(c Command) bool { return slices.Contains([]string{check, floor, empty}, c.Key) }
	for _, mounts := range []int{fewMounts, manyMounts} {
		if err := growMounts(mounts); errors.Is(err, errNoRoom) {
			result.LeftOut = append(result.LeftOut, fmt.Sprintf("%s mounts: %v", count(mounts), err))
			continue
		} else if err != nil {
			return err
		}
		for _, c := range p.Commands {
			if takesPart(c) {
				if err := c.rehearse(main); err != nil {
					return fmt.Errorf("%s: %w", c.Name, err)
				}
			}
		}
		size := Size{Mounts: mounts}
		if err := p.takeTurns(launcher, &size, p.Rounds, takesPart); err != nil {
			return err
		}
		result.Mounts = append(result.Mounts, size)
	}
	return nil
}

// growMounts mounts one more directory on itself until there are so many.
func growMounts(mounts int) error {
	there, err := mounted()
	if err != nil {
		return err
	}
	if there > mounts {
		return fmt.Errorf("%w: there are %s already", errNoRoom, count(there))
	}
	for n := there; n < mounts; n++ {
		dir := filepath.Join(mountTree, strconv.Itoa(n))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		switch err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); {
		case err == unix.ENOSPC: // mount(2)
			return fmt.Errorf("%w after %s (fs.mount-max?)", errNoRoom, count(n))
		case err != nil:
			return fmt.Errorf("mounting %s: %w", dir, err)
		}
	}
	return nil
}

// mounted counts the mounts that we see.
func mounted() (int, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	return bytes.Count(table, []byte("\n")), err
}
