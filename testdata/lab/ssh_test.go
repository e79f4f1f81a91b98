package lab

import (
	"fmt"
	"path"
	"strings"
	"testing"
)

// testSSH: an administrator restarts the service that he is logged in through, also after its upgrade, and keeps his
// session. It is a child of the main process and runs the same file.
func testSSH(t *testing.T, h *Host) {
	installWrapper(t, h)
	s := sshd
	t.Run("restart", func(t *testing.T) { keepsSessions(t, h, s, s.script()+" restart") })
	t.Run("restart after an upgrade", func(t *testing.T) {
		openSession(t, h, "before")
		h.reinstallUnnoticed(t, s.packages...)
		keepsSessions(t, h, s, s.script()+" restart")
	})
	t.Run("stop and start", func(t *testing.T) { keepsSessions(t, h, s, s.script()+" stop", s.script()+" start") })
	t.Run("killproc", func(t *testing.T) {
		keepsSessions(t, h, s, ". /lib/lsb/init-functions; killproc -p "+s.pidfile+" "+s.daemon, s.script()+" start")
	})
}

// installSSH leaves an sshd running that lets root in.
func installSSH(t *testing.T, h *Host) {
	t.Helper()
	// The machine may have it, with any configuration, and root may be locked.
	h.Must(t, `exec 2>&1
		dpkg --purge --force-depends openssh-server
		rm -rf /etc/ssh/sshd_config* /etc/ssh/ssh_host_* /etc/ssh/ssh_config.d /etc/default/ssh /root/.ssh /var/lib/man-db/auto-update
		usermod -p '*' -s /bin/sh root`)
	h.Install(t, "openssh-server", "openssh-client")
	h.Must(t, `set -e
		cat >/etc/ssh/sshd_config <<'END'
ListenAddress 127.0.0.1
Port 22
UsePAM no
PasswordAuthentication no
END
		mkdir -m 700 /root/.ssh
		ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
		cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
		/etc/init.d/ssh restart`)
}

var sshd = service{"ssh", "/usr/sbin/sshd", "/run/sshd.pid", []string{"openssh-server"}, func(t *testing.T, h *Host) {
	if result := h.Sh(t, login+"echo reached </dev/null"); result.Stdout != "reached\n" {
		t.Errorf("a new session: %+v", result)
	}
}}

// login starts a session as root on the host itself.
const login = "ssh -o StrictHostKeyChecking=no -o BatchMode=yes root@127.0.0.1 "

// openSession leaves a session behind in which cat answers.
func openSession(t *testing.T, h *Host, name string) {
	t.Helper()
	// Opened for reading and writing, a FIFO has no end to see, and never blocks. fifo(7)
	h.Must(t, fmt.Sprintf("cd /run && mkfifo %[1]s.in && setsid %[2]s cat <>%[1]s.in >%[1]s.out 2>%[1]s.err &", name, login))
	eventually(t, name+" session answers", func() bool { return answers(h, t, name, "hello") })
}

// answers says a word in a session and looks for it in what has come back.
func answers(h *Host, t *testing.T, session, word string) bool {
	return h.Sh(t, fmt.Sprintf("echo %[2]s 1<>/run/%[1]s.in && grep -qx %[2]s /run/%[1]s.out", session, word)).Code == 0
}

// keepsSessions opens a session, and requires of commands that sshd runs as another process afterwards, and that every
// session, also of earlier tests, is the same process and answers.
func keepsSessions(t *testing.T, h *Host, s service, commands ...string) {
	before := s.pid(t, h)
	openSession(t, h, path.Base(t.Name()))
	workers(t, h, before) // fails where sshd has no child: the session would not prove anything
	const list = "ps -eo pid=,lstart=,args= | grep -E '[s]shd: root@notty|[s]sh -o'"
	sessions := h.Must(t, list)
	for _, command := range commands {
		h.Must(t, command)
	}
	eventually(t, "sshd runs as another process", func() bool {
		pid := s.pid(t, h)
		return pid != 0 && pid != before && h.Must(t, fmt.Sprintf("readlink /proc/%d/exe", pid)) == s.daemon+"\n"
	})
	s.works(t, h)
	s.call(t, h, "status", 0)
	// That of works has ended, but its process may still be there.
	eventually(t, "the sessions of before are there", func() bool { return h.Must(t, list) == sessions })
	for _, in := range strings.Fields(h.Must(t, "ls /run/*.in")) {
		name := strings.TrimSuffix(path.Base(in), ".in")
		eventually(t, name+" session answers", func() bool { return answers(h, t, name, fmt.Sprint("after", s.pid(t, h))) })
	}
}
