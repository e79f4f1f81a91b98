package lab

import "testing"

// The hosts are what they say: Debian's init, and a service that Debian's own invoke-rc.d starts and stops with it.

func isSystemd(t *testing.T, h *Host) {
	const asked = "readlink /proc/1/exe; systemctl is-system-running; runlevel; cat /proc/self/cgroup | grep ^0"
	if got := h.Must(t, asked); got != "/usr/lib/systemd/systemd\nrunning\nN 3\n0::/lab\n" {
		t.Errorf("PID 1, its state, the runlevel, our cgroup: %q", got)
	}
	h.Must(t, "busctl call org.freedesktop.DBus / org.freedesktop.DBus GetId")
	lifeOfAService(t, h)
}

func isOpenRC(t *testing.T, h *Host) {
	got := h.Must(t, "readlink /proc/1/exe; runlevel; cat /run/openrc/softlevel")
	if got != "/usr/sbin/init\nN 2\ndefault" {
		t.Errorf("PID 1 and its runlevel: %q", got)
	}
	lifeOfAService(t, h)
}

// lifeOfAService starts and stops a service that has an init script only, which any of them knows.
func lifeOfAService(t *testing.T, h *Host) {
	t.Helper()
	const pidfile = "/run/lab-sleep.pid"
	installScript(t, h, "lab-sleep", "/usr/bin/sleep", "600")
	h.Must(t, "invoke-rc.d lab-sleep start")
	if exe := h.Must(t, "readlink /proc/$(cat "+pidfile+")/exe"); exe != "/usr/bin/sleep\n" {
		t.Errorf("invoke-rc.d started %q", exe)
	}
	pid := number(h.Must(t, "cat "+pidfile))
	h.Must(t, "invoke-rc.d lab-sleep stop")
	if lives(t, h, pid) {
		t.Error("invoke-rc.d stopped a service, and it lives")
	}
	h.Must(t, "rm /etc/init.d/lab-sleep; update-rc.d lab-sleep remove")
}
