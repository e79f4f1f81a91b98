package kernel

import (
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// A process may have 65,536 supplementary groups, of which status has a line: the kernel writes
// it for ten milliseconds and more. An ordinary user has as many subordinate group IDs (subgid(5)),
// and so may each of thousands of his processes, but only in a user namespace of his own.
const (
	// longStatus is more than any has whose groups are those of an account.
	longStatus = 16 << 10
	// slowStatus is how long it takes at least to read one that is long.
	slowStatus = 500 * time.Microsecond
	// longStatusesRead is how many long ones are read of other user namespaces than ours.
	longStatusesRead = 8
)

// ReadStatus reads /proc/PID/status. Of processes of other user namespaces, where too many of
// them made it long, it gives what can be had without: their effective IDs for all.
func (h *System) ReadStatus(pid int) (Status, error) {
	if h.longStatuses.Load() >= longStatusesRead && h.userNamespaceOf(pid) == fact.OtherPlace {
		if status, ok := h.shortStatus(pid); ok {
			return status, nil
		}
	}
	begun := time.Now()
	status, err := h.readStatus(pid)
	if err == nil && time.Since(begun) > slowStatus && h.userNamespaceOf(pid) == fact.OtherPlace {
		_ = readProcFile(h.PidPath(pid, "status"), longStatus, func(content []byte) error {
			if len(content) == longStatus {
				h.longStatuses.Add(1)
			}
			return nil
		})
	}
	return status, err
}

func (h *System) userNamespaceOf(pid int) fact.Place {
	return compare(ReadLink(h.PidPath(pid, "ns/user")), h.Self.userNS)
}

// shortStatus is that of a process by its directory in /proc, whose owner are its effective IDs
// (task_dump_owner in fs/proc/base.c), and by its PID namespace.
func (h *System) shortStatus(pid int) (status Status, ok bool) {
	st, err := StatxAt(unix.AT_FDCWD, h.PidPath(pid, ""), 0, unix.STATX_UID|unix.STATX_GID)
	if err != nil {
		return status, false
	}
	for i := range status.UIDs {
		status.UIDs[i], status.GIDs[i] = int(st.Uid), int(st.Gid)
	}
	switch compare(ReadLink(h.PidPath(pid, "ns/pid")), ReadLink(filepath.Join(h.Proc, "self/ns/pid"))) {
	case fact.SamePlace:
		status.Namespaces = 1
	case fact.OtherPlace:
		status.Namespaces = 2
	default:
		return status, false
	}
	return status, true
}
