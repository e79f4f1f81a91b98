package kernel

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"

	"pidproof/matcher/internal/fact"
)

// A first thread may end before the others, by pthread_exit(3) in main, or because another
// one calls execve(2). Then /proc/PID has its name and its users still, but neither program,
// arguments, descriptors nor directories: those are in /proc/PID/task/TID of the others.

// memory tells that of one program from the next one's: where the program and its stack
// begin, of which the kernel draws lots. Zero: there is none.
type memory struct{ program, stack uint64 }

// memoryOf reports of a process or thread that it lacks its memory: it is ending, or in the
// middle of execve(2), which has not said yet where the new program begins (load_elf_binary
// in fs/binfmt_elf.c, do_task_stat in fs/proc/array.c). No prctl(2) can arrange that
// (validate_prctl_map_addr in kernel/sys.c).
func (h *System) memoryOf(dir string) (m memory, lacks bool, err error) {
	stat, err := h.statIn(dir)
	switch {
	case fact.Vanished(err): // another thread may be there
		return m, true, nil
	case err != nil, stat.Flags&KernelThread != 0:
		return m, false, err
	}
	return stat.Memory, stat.Memory.program == 0, nil
}

// lookAgain has a process's directory looked at, and that of a thread of it which lives where
// the first one has ended, until something was seen there that a first thread loses, or the
// same program twice without it.
func (h *System) lookAgain(pid int, see func(dir string) (nothing bool)) error {
	var before memory
	dir := filepath.Join(h.Proc, strconv.Itoa(pid))
	for again := h.Patience(); see(dir) && !h.Still; {
		now, lacks, err := h.memoryOf(dir)
		if err != nil || !lacks && now == before {
			return err
		}
		if before = now; lacks {
			stat, err := h.ReadStat(pid)
			if err != nil || HasEnded(stat) || stat.Flags&Exiting != 0 && stat.Threads <= 1 {
				return fact.Unforeseen(err) // it has ended, or will: which an ordinary user sees by this alone
			}
			var ending bool
			if dir, ending, err = h.LivingThread(pid); err != nil || ending || !again() {
				return err
			}
		}
	}
	return nil
}

// LivingThread gives the /proc directory of a thread that has an exe link, or says that
// all of them are ending: their program is gone, what it held may not be yet. It is
// fact.ErrThreads where that is not told in time.
func (h *System) LivingThread(pid int) (dir string, ending bool, err error) {
	own := filepath.Join(h.Proc, strconv.Itoa(pid))
	var threads []string
	var failure error
	ending = true
	err = h.eachNameOf(pid, filepath.Join(own, "task"), fact.ErrThreads, func(number string) (more bool) {
		threads = append(threads, number)
		thread := filepath.Join(own, "task", number)
		_, err := os.Readlink(filepath.Join(thread, "exe"))
		switch {
		case err == nil:
			dir = thread
			return false
		case errors.Is(err, os.ErrPermission): // which an ordinary user gets of any, also of one that has lost its program
			its, endingErr := h.threadEnding(thread)
			if failure = endingErr; failure == nil && !its {
				dir = thread
			}
			return failure == nil && its
		case !fact.Vanished(err):
			failure = err
		case ending:
			ending, failure = h.threadEnding(thread)
		}
		return failure == nil
	})
	switch err = cmp.Or(failure, err); {
	case dir != "":
		return dir, false, nil
	case fact.Vanished(err):
		return own, false, nil // it has ended: whoever asked looks again
	case err != nil:
		return "", false, err
	case len(threads) > 0 && ending:
		ending, err = h.allEnding(pid, threads)
		return own, ending, err
	}
	return own, false, nil
}

// allEnding makes sure that these are all of the process's threads. A directory is no
// snapshot: it lacks one that was made since, and those behind one that was let go of
// meanwhile (next_tid in fs/proc/base.c), of which one may be in execve(2): check called a
// program that executes itself ended, once in 40,000 times.
func (h *System) allEnding(pid int, threads []string) (bool, error) {
	first, err := h.ReadStat(pid)
	if fact.Vanished(err) || err == nil && first.Threads != len(threads) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, number := range threads { // as many as there are are still there: they are all
		if ending, err := h.threadEnding(h.PidPath(pid, "task/"+number)); err != nil || !ending {
			return false, err
		}
	}
	return true, nil
}

// threadEnding: one that is not there any more may have taken the place of the first, execve(2), and
// one that is dead may be the first, under the number of who took its place (de_thread in fs/exec.c).
func (h *System) threadEnding(thread string) (bool, error) {
	stat, err := h.statIn(thread)
	if fact.Vanished(err) {
		return false, nil
	}
	return stat.Flags&Exiting != 0 && stat.State != "X" && stat.Threads > 0, err
}

// statIn is ReadStat of a process or a thread, by its directory.
func (h *System) statIn(dir string) (Stat, error) {
	pid, tid, isThread := strings.Cut(strings.TrimPrefix(dir, h.Proc+"/"), "/task/")
	process, err := strconv.Atoi(pid)
	if err != nil || !isThread {
		return h.ReadStat(process)
	}
	return readStat(dir+"/stat", func() (procfs.Proc, error) {
		thread, err := strconv.Atoi(tid)
		if err != nil {
			return procfs.Proc{}, err
		}
		its, err := h.process(process)
		if err != nil {
			return procfs.Proc{}, err
		}
		return its.Thread(thread)
	})
}
