package kernel

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// argvTries and argvTick: how often one looks whether the arguments were read before they
// are given up. It is counted in looks, each of which costs us a turn of a processor as
// reading would: on a busy machine both take longer.
const (
	argvTries = 100
	argvTick  = 5 * time.Millisecond
)

// ReadArgv reads /proc/PID/cmdline, but does not wait for a process that never answers.
func (h *System) ReadArgv(pid int) fact.Fact[[]string] {
	h.Doing("reading %s/%d/cmdline", h.Proc, pid)
	argv, told := inTime(h, pid, func() fact.Fact[[]string] { return h.ReadArgvNow(pid) })
	if !told {
		return fact.Fact[[]string]{State: fact.Unreadable, Err: fact.ErrUntold}
	}
	return argv
}

// inTime is InTime about a process; it is remembered of whose it was not told.
func inTime[T any](h *System, pid int, read func() T) (answer T, told bool) {
	tries := h.argvTries(pid)
	if tries == 0 {
		return answer, false
	}
	if answer, told = within(tries, read); !told {
		h.Untold(pid)
	}
	return answer, told
}

// InTime reads what others than root may keep from being answered: then it is given up, and told is false.
func InTime[T any](read func() T) (answer T, told bool) { return within(argvTries, read) }

func within[T any](tries int, read func() T) (answer T, told bool) {
	done := make(chan T, 1)
	go func() { done <- read() }()
	timer := time.NewTimer(argvTick)
	defer timer.Stop()
	for range tries {
		select {
		case answer = <-done:
			return answer, true
		case <-timer.C:
			timer.Reset(argvTick)
		}
	}
	return answer, false
}

// ReadArgvNow reads it, however long that takes. Of arguments that are longer than
// argvLimit the last is cut off. procfs takes a megabyte of them, and 16 more if all are
// empty, of each process that wants it so.
func (h *System) ReadArgvNow(pid int) fact.Fact[[]string] {
	var argv []string
	var readErr error
	err := h.lookAgain(pid, func(dir string) (nothing bool) {
		argv, readErr = argvOf(dir)
		return argv == nil && readErr == nil || fact.Vanished(readErr)
	})
	if err = cmp.Or(readErr, err); err != nil {
		return fact.Failed[[]string](err)
	}
	return fact.Of(argv)
}

// ReadArgvOnce reads what is there at this moment: nothing (nil), as of kernel threads, also
// where ReadArgvNow would look again.
func (h *System) ReadArgvOnce(pid int) fact.Fact[[]string] {
	argv, err := argvOf(h.PidPath(pid, ""))
	if err != nil {
		return fact.Failed[[]string](err)
	}
	return fact.Of(argv)
}

// argvOf reads the arguments of a process or thread: nil where there are none, of a kernel
// thread, a zombie, or while execve(2) has not brought them yet.
func argvOf(dir string) (argv []string, err error) {
	err = readProcFile(filepath.Join(dir, "cmdline"), argvLimit, func(content []byte) error {
		if text := strings.TrimRight(string(content), "\x00"); text != "" {
			argv = strings.SplitN(text, "\x00", argvWords)
		} else if len(content) > 0 {
			argv = []string{}
		}
		return nil
	})
	return argv, err
}

var errOthersTree = errors.New("it is in a mount tree that a user made")

// ScriptFile identifies what may be the script of an interpreter, as the process
// would find it: from its own root or working directory.
func (h *System) ScriptFile(e fact.Evidence, word string) fact.Fact[fact.FileID] {
	if e.Tree == fact.OtherPlace && e.UserNS != fact.SamePlace {
		return fact.Fact[fact.FileID]{State: fact.Unreadable, Err: errOthersTree}
	}
	from := "cwd"
	if filepath.IsAbs(word) {
		from = "root"
	}
	var file fact.FileID
	var regular bool
	var err error
	againErr := h.lookAgain(e.PID, func(dir string) (nothing bool) {
		h.Doing("looking at %s/%s/%s", dir, from, word)
		file, regular, err = h.lookInside(filepath.Join(dir, "root"), filepath.Join(dir, from), word, e.PID)
		return fact.Vanished(err)
	})
	switch err = cmp.Or(againErr, err); {
	case err != nil:
		return fact.Failed[fact.FileID](err)
	case !regular:
		return fact.Failed[fact.FileID](fmt.Errorf("%s: no regular file: %w", word, unix.ENOENT))
	}
	return fact.Of(file)
}

// silence remembers whose processes keep their arguments to themselves: one user's must
// not make root wait once for each.
type silence struct {
	lock      sync.Mutex
	ofAccount map[int]int
	of        map[int]bool // by PID
}

// AccountOf is to whose account it goes what a user's processes keep us waiting: his own, but
// above the IDs of accounts all share one. There are subordinate IDs, of which each user has
// 65,536 (subuid(5); SUB_UID_MIN of login.defs(5) is 100,000). A limit that everybody shares
// would let one user's silence pass for that of all daemons.
func AccountOf(user int) int {
	const subordinate = 1 << 16
	return min(user, subordinate)
}

// untoldLimit is of how many processes of one account it is tried to read the arguments, after
// that of one could not be read.
const untoldLimit = 8

// Untold notes that a process does not let its arguments be read.
func (h *System) Untold(pid int) {
	status, err := h.ReadStatus(pid)
	h.silence.lock.Lock()
	defer h.silence.lock.Unlock()
	if h.silence.of == nil {
		h.silence.of, h.silence.ofAccount = map[int]bool{}, map[int]int{}
	}
	h.silence.of[pid] = true
	if err == nil {
		h.silence.ofAccount[AccountOf(status.UIDs[0])]++
	}
}

// Silent reports that a process keeps its arguments to itself, as far as is known, or that
// so many of its user's do that it is not asked.
func (h *System) Silent(pid int) bool { return h.argvTries(pid) == 0 }

// argvTries is how often one looks whether the arguments of this process were read.
func (h *System) argvTries(pid int) int {
	h.silence.lock.Lock()
	none, known := len(h.silence.of) == 0, h.silence.of[pid]
	h.silence.lock.Unlock()
	switch {
	case none:
		return argvTries
	case known:
		return 0
	}
	status, err := h.ReadStatus(pid)
	if err != nil {
		return 0
	}
	h.silence.lock.Lock()
	defer h.silence.lock.Unlock()
	if h.silence.ofAccount[AccountOf(status.UIDs[0])] >= untoldLimit {
		return 0
	}
	return argvTries / 5
}
