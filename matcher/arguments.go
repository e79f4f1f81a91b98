package matcher

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// argvTries and argvTick: how often one looks whether the arguments were read before they
// are given up. It is counted in looks, each of which costs us a turn of a processor as
// reading would: on a busy machine both take longer.
const (
	argvTries = 100
	argvTick  = 5 * time.Millisecond
)

// readArgv reads /proc/PID/cmdline, but does not wait for a process that never answers.
func (h *system) readArgv(pid int) Fact[[]string] {
	h.doing("reading %s/%d/cmdline", h.proc, pid)
	tries := h.argvTries(pid)
	if tries == 0 {
		return Fact[[]string]{State: Unreadable, Err: errUntold}
	}
	done := make(chan Fact[[]string], 1)
	go func() { done <- h.readArgvNow(pid) }()
	timer := time.NewTimer(argvTick)
	defer timer.Stop()
	for range tries {
		select {
		case argv := <-done:
			return argv
		case <-timer.C:
			timer.Reset(argvTick)
		}
	}
	h.untold(pid)
	return Fact[[]string]{State: Unreadable, Err: errUntold}
}

// readArgvNow reads it, however long that takes. Of arguments that are longer than
// argvLimit the last is cut off.
func (h *system) readArgvNow(pid int) Fact[[]string] {
	var argv []string // none: a kernel thread, a zombie
	err := readProcFile(h.pidPath(pid, "cmdline"), argvLimit, func(content []byte) error {
		if text := strings.TrimRight(string(content), "\x00"); text != "" {
			argv = strings.Split(text, "\x00")
		}
		return nil
	})
	if err != nil {
		return failed[[]string](err)
	}
	return known(argv)
}

var errOthersTree = errors.New("it is in a mount tree that a user made")

// scriptFile identifies what may be the script of an interpreter, as the process
// would find it: from its own root or working directory.
func (h *system) scriptFile(e Evidence, word string) Fact[FileID] {
	if e.Tree == OtherPlace && e.UserNS != SamePlace {
		return Fact[FileID]{State: Unreadable, Err: errOthersTree}
	}
	from := "cwd"
	if filepath.IsAbs(word) {
		from = "root"
	}
	dir := filepath.Join(h.proc, strconv.Itoa(e.PID))
	h.doing("looking at %s/%s/%s", dir, from, word)
	file, regular, err := h.lookInside(filepath.Join(dir, "root"), filepath.Join(dir, from), word)
	switch {
	case err != nil:
		return failed[FileID](err)
	case !regular:
		return failed[FileID](fmt.Errorf("%s: no regular file: %w", word, unix.ENOENT))
	}
	return known(file)
}

// silence remembers whose processes keep their arguments to themselves: one user's must
// not make root wait once for each.
type silence struct {
	lock   sync.Mutex
	ofUser map[int]int
	of     map[int]bool // by PID
}

// untoldLimit is of how many processes of one user it is tried to read the arguments, after
// that of one could not be read.
const untoldLimit = 8

// untold notes that a process does not let its arguments be read.
func (h *system) untold(pid int) {
	status, err := h.readStatus(pid)
	h.silence.lock.Lock()
	defer h.silence.lock.Unlock()
	if h.silence.of == nil {
		h.silence.of, h.silence.ofUser = map[int]bool{}, map[int]int{}
	}
	h.silence.of[pid] = true
	if err == nil {
		h.silence.ofUser[status.UIDs[0]]++
	}
}

// argvTries is how often one looks whether the arguments of this process were read.
func (h *system) argvTries(pid int) int {
	h.silence.lock.Lock()
	none, known := len(h.silence.of) == 0, h.silence.of[pid]
	h.silence.lock.Unlock()
	switch {
	case none:
		return argvTries
	case known:
		return 0
	}
	status, err := h.readStatus(pid)
	if err != nil {
		return 0
	}
	h.silence.lock.Lock()
	defer h.silence.lock.Unlock()
	if h.silence.ofUser[status.UIDs[0]] >= untoldLimit {
		return 0
	}
	return argvTries / 5
}
