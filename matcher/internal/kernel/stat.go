package kernel

import (
	"bytes"
	"cmp"
	"errors"
	"strconv"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// Stat is /proc/PID/stat, as far as it is used (proc_pid_stat(5)).
type Stat struct {
	Comm, State          string
	PPID, Group, Session int
	Terminal             bool   // it has a controlling one
	Flags                uint64 // PF_* of include/linux/sched.h
	Threads              int
	Memory               memory // program is 1, and stack 0, of whom we may not look into
	Start                uint64 // in ticks since boot, see userHZ
}

func (h *System) ReadStat(pid int) (Stat, error) {
	return readStat(h.PidPath(pid, "stat"), func() (procfs.Proc, error) { return h.process(pid) })
}

// ReadStatOfLiving asks on where a process is said to be gone twice, and its number is in use: where a thread takes the
// first one's place, /proc/PID may have been looked up for the first, and its file is not there any more when it is read
// (proc_pid_make_inode in fs/proc/base.c, de_thread in fs/exec.c). pidof left out a program that executes itself, once.
func (h *System) ReadStatOfLiving(pid int) (stat Stat, err error) {
	for range triesOfEnding {
		if stat, err = h.ReadStat(pid); !fact.Vanished(err) || unix.Kill(pid, 0) == unix.ESRCH {
			break
		}
	}
	return stat, err
}

// triesOfEnding is how often a process's file is read that the kernel let go of while it wrote it.
const triesOfEnding = 20

// readStat reads again what has no threads: of a zombie one is counted, so this one
// was let go of while the kernel wrote its line, and another thread may have taken
// its place (do_task_stat in fs/proc/array.c, de_thread in fs/exec.c).
func readStat(path string, of func() (procfs.Proc, error)) (stat Stat, err error) {
	for range triesOfEnding {
		err = readBy(path, func() error {
			its, err := of()
			if err != nil {
				return err
			}
			s, err := its.Stat()
			stat = Stat{Comm: s.Comm, State: s.State, PPID: s.PPID, Group: s.PGRP, Session: s.Session, Terminal: s.TTY != 0,
				Flags: uint64(s.Flags), Threads: s.NumThreads, Memory: memory{s.StartCode, s.StartStack}, Start: s.Starttime}
			return err
		})
		if strconv.IntSize < 64 && errors.Is(err, errDamaged) {
			stat, err = readWideStat(path)
		}
		if err != nil {
			return Stat{}, err
		}
		if stat.Threads > 0 {
			break
		}
	}
	if len(stat.State) != 1 {
		return Stat{}, damaged(path)
	}
	return stat, nil
}

// readWideStat is for what procfs cannot read as a program of 32 bits: it takes all numbers, as the size in memory, for words
// of that machine, and a kernel of 64 bits has processes of 4 GiB and more.
func readWideStat(path string) (stat Stat, err error) {
	err = readProcFile(path, statLimit, func(line []byte) (err error) {
		stat, err = parseStat(line)
		return err
	})
	return stat, err
}

// statLimit: a name of 64 bytes at most, and fifty numbers.
const statLimit = 2048

// parseStat reads the line of a process. Its name may hold anything, parentheses and newlines, too.
func parseStat(line []byte) (Stat, error) {
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return Stat{}, errDamaged
	}
	words := bytes.Fields(line[end+1:])
	const first, last = 3, 28 // the state, and where the stack begins, as proc_pid_stat(5) counts them
	if len(words) <= last-first || len(words[0]) != 1 {
		return Stat{}, errDamaged
	}
	var broken error
	signed := func(field int) int {
		n, err := strconv.Atoi(string(words[field-first]))
		broken = cmp.Or(broken, err)
		return n
	}
	unsigned := func(field int) uint64 {
		n, err := strconv.ParseUint(string(words[field-first]), 10, 64)
		broken = cmp.Or(broken, err)
		return n
	}
	s := Stat{Comm: string(line[open+1 : end]), State: string(words[0]), PPID: signed(4), Group: signed(5), Session: signed(6),
		Terminal: signed(7) != 0, Flags: unsigned(9), Threads: signed(20), Start: unsigned(22), Memory: memory{unsigned(26), unsigned(28)}}
	if broken != nil {
		return Stat{}, errDamaged
	}
	return s, nil
}
