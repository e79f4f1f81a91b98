package lab

import (
	"testing"

	"pidproof/testdata/debs"
	"pidproof/testdata/need"
)

// BootSystemd returns a host under this machine's systemd, in multi-user.target, its loopback up, with a system bus and
// no other service running. It ends as Boot's does.
func BootSystemd(t *testing.T) *Host {
	t.Helper()
	needs(t)
	need.File(t, "/usr/lib/systemd/systemd")
	need.Program(t, "dbus-daemon")
	return bootSystemd(t, debs.Machine)
}

func bootSystemd(t *testing.T, debian debs.Debian) *Host {
	t.Helper()
	need.Program(t, "unshare")
	own, err := newCgroup()
	if err != nil {
		t.Fatalf("a cgroup for a host: %v", err)
	}
	return (&Host{debian: debian, cgroup: own}).boot(t, "systemd")
}
