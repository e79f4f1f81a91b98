package lab

import (
	"strings"
	"testing"
)

// debsInHost is where a host keeps the packages that Install brought.
const debsInHost = "/var/cache/pidproof-lab"

// Install downloads Debian packages, with what they need that the host's root lacks, and installs them in the host.
// Their services start, as on any host.
func (h *Host) Install(t *testing.T, packages ...string) {
	t.Helper()
	folder := h.fetch(t, append([]string{"install", "--download-only", "--reinstall", "--no-install-recommends"}, packages...)...)
	h.Must(t, "mkdir -p "+debsInHost)
	h.Copy(t, folder, debsInHost)
	h.dpkg(t, "*")
}

// Reinstall installs packages that Install brought once more, from the same files.
func (h *Host) Reinstall(t *testing.T, packages ...string) {
	t.Helper()
	h.dpkg(t, packages...)
}

// dpkg, not apt-get: what the host knows of package lists, which may be nothing, does not matter then. All are unpacked
// before any is configured, also where one (python3) pre-depends on another: --install would unpack the rest, and fail.
func (h *Host) dpkg(t *testing.T, packages ...string) {
	t.Helper()
	files := ""
	for _, name := range packages {
		files += " " + debsInHost + "/" + name + "_*.deb"
	}
	h.Must(t, "exec 2>&1; dpkg --force-depends --unpack"+files+" && dpkg --force-confold --configure --pending")
}

// fetched are the folders of packages, by root and what apt-get was told. To ask it takes seconds.
var fetched once

func (h *Host) fetch(t *testing.T, args ...string) string {
	t.Helper()
	asked := strings.Join(append([]string{h.debian.Root}, args...), " ")
	folder, err := fetched.get(asked, func() (string, error) { return h.debian.Fetch(args...) })
	if err != nil {
		t.Fatal(err)
	}
	return folder
}
