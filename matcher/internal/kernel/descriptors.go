package kernel

import (
	"cmp"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"pidproof/matcher/internal/fact"
)

// How many descriptors are looked at: a user may have half a million in each of his processes
// (RLIMIT_NOFILE), one table of them in many (CLONE_FILES of clone(2)), and thousands of
// subordinate user IDs (subuid(5)), so that all but root share a limit, too. They are listed
// from 0 on, and a daemon has opened what it listens on before its clients came.
const (
	descriptorsOfProcess = 1 << 14
	descriptorsOfUser    = 2 * descriptorsOfProcess
	descriptorsOfUsers   = 4 * descriptorsOfProcess
	descriptorsAnyway    = 64
	// The tables of a network namespace, of which a user may make thousands, take ten
	// milliseconds, however empty they are: the kernel goes through the table of all
	// (established_get_first in net/ipv4/tcp_ipv4.c).
	namespacesOfUser  = 64
	namespacesOfUsers = 128
	// On a busy host even these take long: all but root have a quarter of the time for the answer.
	timeOfUsers = 4
)

// spent is what was looked at in this question, of each user and of all but root.
type spent struct {
	ofUser map[int]int
	others int
}

// left is how much more may be looked at.
func (s *spent) left(user, ofUser, ofUsers int) int {
	left := ofUser - s.ofUser[user]
	if user != 0 {
		left = min(left, ofUsers-s.others)
	}
	return left
}

func (s *spent) add(user, n int) {
	if s.ofUser == nil {
		s.ofUser = map[int]int{}
	}
	if s.ofUser[user] += n; user != 0 {
		s.others += n
	}
}

// descriptors is what was spent on them, and on network namespaces.
type descriptors struct {
	lock               sync.Mutex
	looked, namespaces spent
	time               time.Duration // on those of all but root
}

// outOfTime is asked under the lock.
func (h *System) outOfTime(user int) bool {
	return user != 0 && h.allowed > 0 && h.descriptors.time > h.allowed/timeOfUsers
}

// since adds the time since a moment to a user's.
func (d *descriptors) since(begun time.Time, user int) {
	if user != 0 {
		d.time += time.Since(begun)
	}
}

// mayReadTables reports of processes in one network namespace whether its tables are read: on
// account of one of their users who does not have that of too many. Root may have any number.
// It is to be told when they were read.
func (h *System) mayReadTables(pids []int) (may bool, read func()) {
	d := &h.descriptors
	d.lock.Lock()
	defer d.lock.Unlock()
	for _, pid := range pids {
		status, err := h.ReadStatus(pid)
		if err != nil {
			continue
		}
		user := status.UIDs[0]
		if user == 0 || d.namespaces.left(user, namespacesOfUser, namespacesOfUsers) > 0 && !h.outOfTime(user) {
			d.namespaces.add(user, 1)
			begun := time.Now()
			return true, func() {
				d.lock.Lock()
				defer d.lock.Unlock()
				d.since(begun, user)
			}
		}
	}
	return false, nil
}

// allowance is how many descriptors of a process may be looked at, and to whom to say afterwards
// how many were. None: there is no time left for its user's.
func (h *System) allowance(pid int) (most int, looked func(n int)) {
	status, err := h.ReadStatus(pid)
	if err != nil { // then its descriptors say so, too
		return descriptorsAnyway, func(int) {}
	}
	user := status.UIDs[0]
	d := &h.descriptors
	d.lock.Lock()
	defer d.lock.Unlock()
	if h.outOfTime(user) {
		return 0, nil
	}
	left := d.looked.left(user, descriptorsOfUser, descriptorsOfUsers)
	begun := time.Now()
	return max(descriptorsAnyway, min(descriptorsOfProcess, left)), func(n int) {
		d.lock.Lock()
		defer d.lock.Unlock()
		d.looked.add(user, n)
		d.since(begun, user)
	}
}

// heldSockets are the inodes of the sockets that a process has open, and the directory in
// /proc in which they were seen. With fact.ErrManyDescriptors they are the first ones,
// or none, where they were not listed in time.
func (h *System) heldSockets(pid int) (held map[uint64]bool, dir string, err error) {
	most, looked := h.allowance(pid)
	if most == 0 {
		return nil, "", fact.ErrManyDescriptors
	}
	againErr := h.lookAgain(pid, func(in string) (nothing bool) {
		h.Doing("reading %s/fd", in)
		held, nothing, dir = map[uint64]bool{}, true, in
		count, linkErr := 0, error(nil)
		err = h.eachNameOf(pid, in+"/fd", fact.ErrManyDescriptors, func(name string) (more bool) {
			nothing = false
			if count++; count > most {
				linkErr = fact.ErrManyDescriptors
				return false
			}
			target, readErr := os.Readlink(in + "/fd/" + name)
			switch {
			case fact.Vanished(readErr), fact.Misleads(readErr): // closed since; a directory that is too deep to be named
				return true
			case readErr != nil:
				linkErr = readErr
				return false
			}
			if number, found := strings.CutPrefix(target, socketInode); found {
				if ino, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64); err == nil {
					held[ino] = true
				}
			}
			return true
		})
		looked(count)
		err = cmp.Or(err, linkErr)
		return nothing && err == nil || fact.Vanished(err)
	})
	return held, dir, cmp.Or(err, againErr)
}
