package lab

import (
	"testing"

	"pidproof/testdata/debs"
)

// BootOpenRC returns a host like Boot's under OpenRC, in its runlevel "default". init is sysvinit's, as on Debian.
func BootOpenRC(t *testing.T) *Host {
	t.Helper()
	needs(t)
	h := &Host{debian: debs.Machine}
	return h.boot(t, "sysvinit", h.fetch(t, "download",
		"sysvinit-core", "openrc", "libeinfo1", "librc1", "initscripts", "insserv", "startpar"))
}
