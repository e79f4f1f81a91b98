package lab

import "testing"

// Apt installs packages that Install brought once more, with the host's own apt-get and the hooks in its apt.conf.d, as
// an administrator does. After AptAlone it takes the files, and tries no network.
func (h *Host) Apt(t *testing.T, packages ...string) Result {
	t.Helper()
	command := "apt-get install -y -q --reinstall"
	for _, name := range packages {
		command += " " + debsInHost + "/" + name + "_*.deb" // with a slash, or it is a name: apt-get(8)
	}
	return h.Sh(t, command)
}

// AptAlone takes from the host's apt what it has of this machine: archives, which it would ask first, and hooks, some of
// which restart daemons (needrestart).
func (h *Host) AptAlone(t *testing.T) {
	t.Helper()
	h.Must(t, "cd /etc/apt && rm -rf sources.list sources.list.d/* apt.conf apt.conf.d/* preferences preferences.d/*")
}
