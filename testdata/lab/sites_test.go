package lab

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// site is one of several apache2 instances on a host.
type site struct {
	suffix string // "" is the main one; the others as Debian's setup-instance names them
	port   int
}

var main, foo, bar = site{"", 8081}, site{"-foo", 8082}, site{"-bar", 8083}

func (s site) script() string  { return "/etc/init.d/apache2" + s.suffix }
func (s site) unit() string    { return "apache2" + strings.Replace(s.suffix, "-", "@", 1) }
func (s site) runFile() string { return "/run/apache2" + s.suffix + "/apache2.pid" }

// pidfile is APACHE_PID_FILE as Debian's envvars has it.
func (s site) pidfile() string { return "/var" + s.runFile() }

// page is what this instance alone serves.
func (s site) page() string { return "this is apache2" + s.suffix + "\n" }

// start is the command for it: where systemd runs, setup-instance makes no init script.
func (s site) start(h *Host) string {
	if h.cgroup != nil {
		return "systemctl start " + s.unit()
	}
	return s.script() + " start"
}

// bootSites boots a host with three running apache2 instances, all of them Debian's own: package, init scripts, setup.
func bootSites(t *testing.T, d debian) *Host {
	t.Helper()
	h := d.boot(t)
	// The machine may have an apache2 of its own, with any configuration.
	h.Must(t, `exec 2>&1
		dpkg --purge --force-depends apache2 apache2-bin apache2-data apache2-utils
		rm -rf /etc/apache2* /etc/init.d/apache2* /etc/logrotate.d/apache2* /etc/default/apache-htcacheclean* \
			/var/log/apache2* /usr/local/sbin/a*-foo /usr/local/sbin/a*-bar`)
	h.Install(t, "apache2", "apache2-bin", "apache2-data", "apache2-utils")
	for _, s := range []site{foo, bar} {
		h.Must(t, "sh /usr/share/doc/apache2/examples/setup-instance "+strings.TrimPrefix(s.suffix, "-"))
	}
	h.Must(t, main.script()+" stop")
	for _, s := range []site{main, foo, bar} {
		h.Must(t, fmt.Sprintf(`mkdir /var/www/apache2%[1]s
			printf %%s '%[2]s' >/var/www/apache2%[1]s/index.html
			cat >/etc/apache2%[1]s/ports.conf <<END
Listen 127.0.0.1:%[3]d
ServerName apache2%[1]s
DocumentRoot /var/www/apache2%[1]s
END
			%[4]s`, s.suffix, s.page(), s.port, s.start(h)))
		s.answers(t, h)
	}
	return h
}

// answers requires that this instance serves its own page.
func (s site) answers(t *testing.T, h *Host) {
	t.Helper()
	if page, err := h.Get(fmt.Sprintf("http://127.0.0.1:%d/", s.port)); err != nil || page != s.page() {
		t.Errorf("apache2%s serves %q: %v", s.suffix, page, err)
	}
}

// pid reads what the pidfile says.
func (s site) pid(t *testing.T, h *Host) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(h.Must(t, "cat "+s.pidfile())))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// identity is the main process's; see there.
func (s site) identity(t *testing.T, h *Host) string {
	t.Helper()
	return identity(t, h, s.pid(t, h))
}

// identity is a process's PID, start time and executable: the same three mean the same process. proc(5)
func identity(t *testing.T, h *Host, pid int) string {
	t.Helper()
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	return h.Must(t, fmt.Sprintf("printf '%%s ' %[1]s; cut -d' ' -f22 %[1]s/stat; stat -L -c %%d:%%i %[1]s/exe", dir))
}

// workers lists the children of a main process.
func workers(t *testing.T, h *Host, parent int) (pids []int) {
	t.Helper()
	for _, field := range strings.Fields(h.Must(t, fmt.Sprintf("pgrep -P %d", parent))) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// undisturbed requires that at the end of this test these instances still run as the processes they are now, and answer.
func undisturbed(t *testing.T, h *Host, sites ...site) {
	t.Helper()
	before := make(map[site]string)
	for _, s := range sites {
		before[s] = s.identity(t, h)
	}
	t.Cleanup(func() {
		for _, s := range sites {
			if now := s.identity(t, h); now != before[s] {
				t.Errorf("apache2%s was disturbed: its main process was %q and is %q", s.suffix, before[s], now)
			}
			s.answers(t, h)
		}
	})
}

func startFoo(t *testing.T, h *Host) {
	t.Helper()
	h.Must(t, foo.script()+" start")
	foo.answers(t, h)
	foo.expect(t, h, 0)
}

// awaitGone waits until processes have ended and are reaped.
func awaitGone(t *testing.T, h *Host, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("process %d has ended", pid), func() bool {
			return h.Sh(t, fmt.Sprintf("test -e /proc/%d", pid)).Code == 1
		})
	}
}
