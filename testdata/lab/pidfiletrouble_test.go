package lab

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pidproof/testdata/debs"
)

// troubled is a service of Debian's whose daemon does without pidfile what issue 15.10 lists.
type troubled struct {
	compared
	outside string // what is said where its pidfile is lost; "": its script does not let it be heard
}

const (
	surely = "%s runs outside every pidfile, as PID %d: "
	maybe  = "%s may run outside every pidfile, as PID %d: "
	either = "%s (runs|may run) outside every pidfile, as PID %d: " // it has forked twice, and on a busy host another came between
)

// inTrouble are of the lists, with statd, whose user owns neither pidfile nor directory.
var inTrouble = []troubled{
	{compared{name: "chrony", script: "chrony", pidfile: "/run/chrony/chronyd.pid", exe: "/usr/sbin/chronyd"}, either},
	{compared{name: "cups", script: "cups", pidfile: "/run/cups/cupsd.pid", exe: "/usr/sbin/cupsd"}, surely},
	{compared{name: "dbus", script: "dbus", pidfile: "/run/dbus/pid", exe: "/usr/bin/dbus-daemon"}, surely},
	{compared{name: "keepalived", script: "keepalived", pidfile: "/run/keepalived.pid", exe: "/usr/sbin/keepalived"}, either},
	{compared{name: "nagios-nrpe-server", script: "nagios-nrpe-server", pidfile: "/run/nagios/nrpe.pid", exe: "/usr/sbin/nrpe"}, surely},
	{compared{name: "nscd", script: "nscd", pidfile: "/run/nscd/nscd.pid", exe: "/usr/sbin/nscd"}, surely},
	{compared{name: "pgbouncer", script: "pgbouncer", pidfile: "/run/postgresql/pgbouncer.pid", exe: "/usr/sbin/pgbouncer"}, ""},
	{compared{name: "postgrey", script: "postgrey", pidfile: "/run/postgrey.pid", exe: "/usr/bin/perl", arguments: regexp.MustCompile("postgrey")}, maybe},
	{compared{name: "ser2net", script: "ser2net", pidfile: "/run/ser2net.pid", exe: "/usr/sbin/ser2net"}, surely},
	{compared{name: "smartmontools", script: "smartmontools", pidfile: "/run/smartd.pid", exe: "/usr/sbin/smartd"}, either},
	{compared{name: "statd", script: "nfs-common", pidfile: "/run/rpc.statd.pid", exe: "/usr/sbin/rpc.statd"}, surely},
	{compared{name: "watchdog", script: "watchdog", pidfile: "/run/watchdog.pid", exe: "/usr/sbin/watchdog"}, either},
}

// TestPidfileTrouble: a lost pidfile of theirs is spoken of, and a stale or empty one does not keep them down.
func TestPidfileTrouble(t *testing.T) {
	t.Parallel()
	tree := troubledTree(t)
	h := Boot(t)
	h.Copy(t, tree, "/")
	h.Must(t, troubledSetup+strictly)
	installPidproof(t, h)
	installWrapper(t, h)
	t.Run("services", func(t *testing.T) {
		var all sync.WaitGroup // not t.Parallel: most of the time they wait
		for _, s := range inTrouble {
			all.Add(1)
			go func() {
				defer all.Done()
				t.Run(s.name, func(t *testing.T) {
					defer func() { s.end(t, h) }()
					first := s.started(t, h)
					owner, mode, _ := strings.Cut(strings.TrimSpace(h.Must(t, "stat -c '%u:%g %a' "+s.pidfile)), " ")
					s.isLost(t, h, first)
					s.isStale(t, h, owner, mode, true)
					s.isStale(t, h, owner, mode, false)
				})
			}()
		}
		all.Wait()
	})
}

// started has the script start it, and waits until the pidfile names it.
func (s troubled) started(t *testing.T, h *Host) (pid int) {
	t.Helper()
	said := h.Sh(t, "/etc/init.d/"+s.script+" start 2>&1")
	eventually(t, fmt.Sprintf("%s runs, after %+v", s.name, said), func() bool {
		pid = number(h.Sh(t, "cat "+s.pidfile).Stdout)
		return slices.Contains(s.running(t, h), pid)
	})
	return pid
}

// end leaves nothing of it.
func (s troubled) end(t *testing.T, h *Host) {
	t.Helper()
	eventually(t, s.name+" has ended", func() bool {
		running := s.running(t, h)
		for _, pid := range running {
			h.Sh(t, "kill -KILL "+strconv.Itoa(pid)) // one may have ended with another
		}
		return len(running) == 0
	})
	h.Must(t, "rm -f "+s.pidfile)
}

// isLost: what is certain keeps a second one from being started.
func (s troubled) isLost(t *testing.T, h *Host, first int) {
	t.Helper()
	if s.outside == maybe { // postgrey's, which is named only if it listens (10023): its pidfile is there before
		eventually(t, s.name+" listens", func() bool { return h.Sh(t, "grep -q ':2727 .* 0A ' /proc/net/tcp /proc/net/tcp6").Code == 0 })
	}
	h.Must(t, "rm "+s.pidfile)
	before := s.running(t, h)
	said := h.Sh(t, "/etc/init.d/"+s.script+" start 2>&1").Stdout
	if s.outside != "" && !regexp.MustCompile("pidproof: (start-stop-daemon: )?"+fmt.Sprintf(s.outside, "[^ ]*", first)).MatchString(said) {
		t.Errorf("its pidfile is lost, as PID %d, and start says: %s", first, said)
	}
	if after := s.running(t, h); s.outside != maybe && s.outside != either && !slices.Equal(after, before) {
		t.Errorf("its pidfile is lost: %v ran, and %v after start: %s", before, after, said)
	}
	s.end(t, h)
}

// isStale: it starts all the same.
func (s troubled) isStale(t *testing.T, h *Host, owner, mode string, names bool) {
	t.Helper()
	innocent := number(h.Must(t, "setsid sleep 36000 </dev/null >/dev/null 2>&1 & echo $!"))
	content := ""
	if names {
		content = strconv.Itoa(innocent)
	}
	h.Must(t, fmt.Sprintf("mkdir -p %[1]s && printf '%%s' '%[2]s' >%[3]s && chown %[4]s %[3]s && chmod %[5]s %[3]s && touch -d '1 hour ago' %[3]s",
		filepath.Dir(s.pidfile), content, s.pidfile, owner, mode))
	s.started(t, h)
	if !lives(t, h, innocent) {
		t.Error("the innocent was killed")
	}
	h.Must(t, "kill "+strconv.Itoa(innocent))
	s.end(t, h)
}

// troubledTree holds the files of their packages. None is installed: that takes longer.
func troubledTree(t *testing.T) string {
	t.Helper()
	needs(t)
	machine := &Host{debian: debs.Machine}
	tree := filepath.Join(t.TempDir(), "troubled")
	folder := machine.fetch(t, "install", "--download-only", "--reinstall", "--no-install-recommends", "chrony", "cups-daemon", "dbus",
		"keepalived", "nagios-nrpe-server", "nscd", "pgbouncer", "postgrey", "ser2net", "smartmontools", "nfs-common", "rpcbind", "watchdog")
	if err := debs.Unpack(folder, tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

// troubledSetup does what the packages' own scripts do, and sets them up for a small host.
const troubledSetup = `set -e
for user in _chrony messagebus postgres nagios postgrey _rpc statd; do
	getent passwd $user >/dev/null || useradd -r -U -s /usr/sbin/nologin -d /nonexistent $user
done
getent group lpadmin >/dev/null || groupadd -r lpadmin
mkdir -p /run/sendsigs.omit.d /var/lib/nfs/sm /var/lib/nfs/sm.bak /var/lib/postgrey /var/log/postgresql /var/lib/chrony /var/log/chrony
chown -R statd /var/lib/nfs; chown postgrey /var/lib/postgrey; chown postgres /var/log/postgresql; chown _chrony /var/lib/chrony /var/log/chrony
echo 'pidfile /run/chrony/chronyd.pid' >/etc/chrony/chrony.conf
cp /usr/share/cups/cupsd.conf.default /etc/cups/cupsd.conf
ip link add name ka0 type veth peer name ka1
ip addr add 10.9.1.1/24 dev ka0
ip link set ka0 up; ip link set ka1 up
printf '%s\n' 'vrrp_instance a {' 'interface ka0' 'virtual_router_id 51' 'virtual_ipaddress {' '10.9.1.2' '}' '}' >/etc/keepalived/keepalived.conf
sed -i 's/^;* *unix_socket_dir =.*/unix_socket_dir = /' /etc/pgbouncer/pgbouncer.ini
chown -R postgres /etc/pgbouncer
echo 'smartd_opts="-q never"' >/etc/default/smartmontools
echo 'POSTGREY_OPTS="--inet=10023"' >/etc/default/postgrey
printf '%s\n' run_watchdog=1 run_wd_keepalive=0 watchdog_module=none >/etc/default/watchdog
/etc/init.d/rpcbind start
`
