package lab

import (
	"bufio"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pidproof/testdata/waiting"
)

// service is a daemon of Debian's with Debian's own init script.
type service struct {
	name     string
	daemon   string
	pidfile  string
	packages []string // whose installation replaces the daemon's file
	works    func(t *testing.T, h *Host)
}

func (s service) script() string { return "/etc/init.d/" + s.name }

// TestServices: with the hook and the wrapper, unedited init scripts do what they are asked to, also straight after an
// upgrade that did not restart the daemon.
func TestServices(t *testing.T) { onBoth(t, testServices) }

func testServices(t *testing.T, d debian) {
	h := d.boot(t)
	services := []service{
		{"nginx", "/usr/sbin/nginx", "/run/nginx.pid", []string{"nginx"}, func(t *testing.T, h *Host) {
			if page, err := h.Get("http://127.0.0.1:8084/"); err != nil || page != "this is nginx" {
				t.Errorf("nginx serves %q: %v", page, err)
			}
		}},
		{"memcached", "/usr/bin/memcached", "/run/memcached.pid", []string{"memcached"}, func(t *testing.T, h *Host) {
			eventually(t, "memcached answers", func() bool {
				answer, err := h.ask("127.0.0.1:11211", "version\r\n")
				return err == nil && strings.HasPrefix(answer, "VERSION 1.")
			})
		}},
		{"cron", "/usr/sbin/cron", "/run/crond.pid", []string{"cron"}, func(t *testing.T, h *Host) {}},
	}
	// The machine may have them, with any configuration.
	h.Must(t, `exec 2>&1
		dpkg --purge --force-depends nginx nginx-common memcached cron
		rm -rf /etc/nginx /etc/memcached* /etc/default/nginx /etc/default/memcached /etc/default/cron /var/lib/man-db/auto-update`)
	h.Install(t, "nginx", "memcached", "cron-daemon-common", "cron")
	h.Must(t, `set -e
		cat >/etc/nginx/sites-available/default <<'END'
server {
	listen 127.0.0.1:8084;
	default_type text/plain;
	location / { return 200 "this is nginx"; }
}
END
		/etc/init.d/nginx restart`)
	installPidproof(t, h)
	installWrapper(t, h)
	for _, s := range services {
		t.Run(s.name, func(t *testing.T) { s.lifeCycle(t, h) })
	}
	t.Run("stale pidfile", func(t *testing.T) { testBystander(t, h) })
	t.Run("long name", func(t *testing.T) { testLongName(t, h) })
}

// testWrapped is the same for apache2, with three instances.
func testWrapped(t *testing.T, h *Host) {
	installWrapper(t, h)
	for _, s := range []site{foo, main} {
		t.Run("apache2"+s.suffix, func(t *testing.T) {
			service{"apache2" + s.suffix, "/usr/sbin/apache2", s.pidfile(), []string{"apache2-bin"}, s.answers}.lifeCycle(t, h)
		})
	}
}

// lifeCycle starts, stops and restarts a service that runs, before and after its package is installed again.
func (s service) lifeCycle(t *testing.T, h *Host) {
	others := slices.DeleteFunc(mains(t, h, s.daemon), func(pid int) bool { return pid == s.pid(t, h) })
	// running requires one main process, and returns its PID.
	running := func() (pid int) {
		t.Helper()
		eventually(t, s.name+" has one main process", func() bool { // cron and memcached return before they have that
			pid = s.pid(t, h)
			return slices.Equal(mains(t, h, s.daemon), sorted(pid, others))
		})
		s.works(t, h)
		s.call(t, h, "status", 0)
		return pid
	}
	stopped := func() {
		t.Helper()
		if left := mains(t, h, s.daemon); !slices.Equal(left, others) {
			t.Errorf("%s is stopped: %v run, want only %v", s.name, left, others)
		}
		s.call(t, h, "status", 3)
	}
	upgraded := func() {
		t.Helper()
		// memcached's postrm removes the pidfile of the process that policy-rc.d lets run.
		h.Must(t, "cp -p "+s.pidfile+" /run/kept")
		h.reinstallUnnoticed(t, s.packages...)
		h.Must(t, "mv -n /run/kept "+s.pidfile+"; rm -f /run/kept")
		if exe := h.Must(t, fmt.Sprintf("readlink /proc/%d/exe", s.pid(t, h))); exe != s.daemon+" (deleted)\n" {
			t.Fatalf("its package was installed again, and %s runs %q", s.name, exe)
		}
		running()
	}

	pids := []int{running()}
	s.call(t, h, "restart", 0)
	pids = append(pids, running())
	s.call(t, h, "stop", 0)
	stopped()
	s.call(t, h, "start", 0)
	pids = append(pids, running())

	upgraded()
	h.Run(t, s.script(), "start") // memcached's does not know "runs already", and fails
	if pid := running(); !slices.Contains(pids, pid) {
		t.Errorf("start has put PID %d beside or in the place of one of %v", pid, pids)
	}
	s.call(t, h, "restart", 0)
	pids = append(pids, running())
	upgraded()
	s.call(t, h, "stop", 0)
	stopped()
	s.call(t, h, "start", 0)
	pids = append(pids, running())
	if slices.Sort(pids); len(slices.Compact(slices.Clone(pids))) != len(pids) {
		t.Errorf("%s was started five times, with the PIDs %v", s.name, pids)
	}
}

func sorted(pid int, others []int) []int {
	pids := append([]int{pid}, others...)
	slices.Sort(pids)
	return pids
}

// call requires of the service's init script that an action ends with this exit code.
func (s service) call(t *testing.T, h *Host, action string, code int) {
	t.Helper()
	if result := h.Run(t, s.script(), action); result.Code != code {
		t.Fatalf("%s %s: %+v, want exit %d", s.script(), action, result, code)
	}
}

// pid reads the pidfile: 0 if there is none, or it is empty still.
func (s service) pid(t *testing.T, h *Host) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(h.Must(t, "grep . "+s.pidfile+" || echo 0")))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// mains lists, in order, the processes that run the daemon's file, of now or of before it was replaced, and whose parent
// does not. It is told from /proc alone, without pidproof.
func mains(t *testing.T, h *Host, daemon string) []int {
	t.Helper()
	parent := make(map[int]int)
	for line := range strings.Lines(h.Must(t, `for dir in /proc/[0-9]*; do
		exe=$(readlink "$dir/exe") || continue
		[ "${exe% (deleted)}" != '`+daemon+`' ] || awk '/^Pid:/ { printf "%d ", $2 } /^PPid:/ { print $2 }' "$dir/status"
	done
	: # some have ended meanwhile`)) {
		var pid, ppid int
		if _, err := fmt.Sscan(line, &pid, &ppid); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		parent[pid] = ppid
	}
	var pids []int
	for pid, ppid := range parent {
		if _, isWorker := parent[ppid]; !isWorker {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// reinstallUnnoticed replaces the files of packages under the daemons that run them: policy-rc.d forbids the packages to
// restart anything. https://www.debian.org/doc/debian-policy/ch-opersys.html#policy-rc-d
func (h *Host) reinstallUnnoticed(t *testing.T, packages ...string) {
	t.Helper()
	h.Must(t, "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d")
	h.Reinstall(t, packages...)
	h.Must(t, "rm /usr/sbin/policy-rc.d")
}

// ask sends a line to a server in the host and returns the first line of its answer.
func (h *Host) ask(address, question string) (answer string, err error) {
	conn, err := h.dial(address, waiting.Limit)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(question)); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}
