package kernel

import (
	"cmp"
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// Privileged reports that a process holds capabilities, capabilities(7), that neither the
// file which it runs has given it, nor a user namespace of its own: root has. What people
// are given when they log in does not count: CAP_WAKE_ALARM, by pam_systemd(8) since 254.
func (h *System) Privileged(pid int) (bool, error) {
	h.Doing("reading the capabilities of process %d", pid)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3, Pid: int32(pid)}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false, err
	}
	const alarm = 1 << (unix.CAP_WAKE_ALARM - 32)
	if data[0].Permitted == 0 && data[1].Permitted&^alarm == 0 {
		return false, nil
	}
	var own bool
	var err error
	againErr := h.lookAgain(pid, func(dir string) (nothing bool) {
		own, err = h.ownsCapabilities(dir)
		return fact.Vanished(err)
	})
	return own, cmp.Or(err, againErr)
}

// ownsCapabilities reports that neither a user namespace nor the file that runs has given
// them.
func (h *System) ownsCapabilities(dir string) (bool, error) {
	user := ReadLink(filepath.Join(dir, "ns/user"))
	if err := fact.Unforeseen(user.Err); err != nil {
		return false, err
	}
	if user.State != h.Self.userNS.State || user.Value != h.Self.userNS.Value {
		return false, nil
	}
	switch _, err := unix.Getxattr(filepath.Join(dir, "exe"), "security.capability", nil); {
	case errors.Is(err, unix.ENODATA), errors.Is(err, unix.EOPNOTSUPP):
		return true, nil
	default:
		return false, err
	}
}
