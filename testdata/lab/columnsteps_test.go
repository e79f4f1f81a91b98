package lab

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"pidproof/testdata/debs"
)

// compared is a service whose init script is played on both hosts.
type compared struct {
	name    string
	script  string // in /etc/init.d
	pidfile string
	user    string // whose process it is
	setup   string // what has to be done first
	more    string // what starts more of it where its script has started some

	exe       string
	arguments *regexp.Regexp // where other services run the same file
	wrapper   string         // the command line of one that stays: a process of the service, too
	files     []string       // what an upgrade replaces besides exe
	other     string         // a program that gets its number; by default sleep

	number  int    // of its processes
	reload  string // what becomes of them: "kept" or "new"; empty: its script has no such action
	variant bool   // of the one before: only what may differ is played
	wrong   map[string]wrong
}

func (c compared) steps() []step {
	none, kept, fresh := "none", fmt.Sprint(c.number, " kept"), fmt.Sprint(c.number, " new")
	steps := []step{
		{"never started", "", "status", came{3, none}},
		{"never started", "", "stop", came{0, none}},
		{"never started", "", "start", came{0, fresh}},
		{"runs", "", "status", came{0, kept}},
		{"runs", "", "start", came{0, kept}},
		{"runs", "", "reload", came{0, fmt.Sprint(c.number, " ", c.reload)}},
		{"runs", "", "restart", came{0, fresh}},
		{"replaced", "replace", "status", came{0, kept}},
		{"replaced", "", "start", came{0, kept}},
		{"replaced", "", "reload", came{0, fmt.Sprint(c.number, " ", c.reload)}},
		{"replaced again", "replace", "restart", came{0, fresh}},
		{"replaced again", "replace", "stop", came{0, none}},
		{"stopped", "", "status", came{3, none}},
		{"stopped", "", "stop", came{0, none}},
		{"stopped", "", "start", came{0, fresh}},
		{"killed", "crash", "status", came{1, none}},
		{"killed", "", "start", came{0, fresh}},
		{"number recycled", "recycle", "status", came{1, none}},
		{"number recycled", "", "start", came{0, fresh}},
		{"started nevertheless", "", "status", came{0, kept}},
		{"number recycled again", "recycle", "stop", came{0, none}},
		{"stopped once more", "", "start", came{0, fresh}},
		{"pidfile lost", `rm "$PIDFILE"`, "status", came{0, kept}},
		{"pidfile lost", "", "start", came{0, kept}},
		{"pidfile lost again", `rm -f "$PIDFILE"`, "stop", came{0, none}},
	}
	return slices.DeleteFunc(steps, func(s step) bool {
		return c.reload == "" && s.action == "reload" || c.variant && slices.Contains(onlyOnce, s.name())
	})
}

// onlyOnce are steps that need no variant.
var onlyOnce = []string{"status, never started", "stop, never started", "restart, runs", "status, stopped", "stop, stopped", "start, killed",
	"status, started nevertheless", "start, stopped once more", "status, pidfile lost", "start, pidfile lost", "stop, pidfile lost again"}

// columns are groups of services. Those of one share a port or a script, and are played one after another; the groups are
// played at the same time.
var columns = [][]compared{
	{{
		name: "redis-server", script: "redis-server", pidfile: "/run/redis/redis-server.pid", user: "redis", number: 1,
		exe: "/usr/bin/redis-check-rdb", arguments: regexp.MustCompile(`redis-server (/etc/|127\.0\.0\.1:6379)`),
		other: "redis-sentinel /var/lib/redis/other-sentinel.conf", wrong: and(lost(), inOneFile),
	}},
	{{
		name: "redis-sentinel", script: "redis-sentinel", pidfile: "/run/sentinel/redis-sentinel.pid", user: "redis", number: 1,
		exe: "/usr/bin/redis-check-rdb", arguments: regexp.MustCompile(`redis-sentinel (/etc/|\*:26379)`),
		other: "redis-server /var/lib/redis/other-server.conf", wrong: and(lost(), inOneFile),
	}},
	{{
		name: "haproxy", script: "haproxy", pidfile: "/run/haproxy.pid", user: "haproxy", number: 1, reload: "new",
		exe: "/usr/sbin/haproxy", wrong: doubled(),
	}, {
		name: "haproxy-W", script: "haproxy", pidfile: "/run/haproxy.pid", user: "haproxy", number: 2, reload: "new",
		exe: "/usr/sbin/haproxy", variant: true, setup: "echo EXTRAOPTS=-W >/etc/default/haproxy",
	}, {
		name: "haproxy-two", script: "haproxy", pidfile: "/run/haproxy.pid", user: "haproxy", number: 2, reload: "new",
		exe: "/usr/sbin/haproxy", variant: true, setup: "rm /etc/default/haproxy", more: secondHaproxy,
	}, {
		name: "haproxy-lsb", script: "haproxy-lsb", pidfile: "/run/haproxy.pid", user: "haproxy", number: 2,
		exe: "/usr/sbin/haproxy", variant: true, more: secondHaproxy, wrong: and(nil, anyNumber, map[string]came{ // dpkg's reads one number
			"restart, replaced again": {0, "1 kept, 2 new"},
			"stop, replaced again":    {0, "1 kept"},
		}),
	}},
	{{
		name: "mariadb", script: "mariadb", pidfile: "/run/mysqld/mysqld.pid", user: "mysql", number: 2, reload: "kept",
		exe: "/usr/sbin/mariadbd", wrapper: "/bin/sh /usr/bin/mysqld_safe", files: []string{"/usr/bin/mariadbd-safe"},
		wrong: map[string]wrong{
			"status, killed":              same(3, "none", "its script asks the server, and has no code for a stale pidfile"),
			"status, number recycled":     same(3, "none", "its script asks the server, and has no code for a stale pidfile"),
			"stop, number recycled again": same(1, "none", "its script takes whoever has the number for the server"),
		},
	}, {
		name: "mariadb-safe", script: "mariadb-safe", pidfile: "/run/mariadbd-safe.pid", user: "mysql", number: 2,
		exe: "/usr/sbin/mariadbd", wrapper: "/bin/sh /usr/bin/mysqld_safe", files: []string{"/usr/bin/mariadbd-safe"},
		variant: true, wrong: and(nil, anyNumber, map[string]came{ // the wrapper's name is another, and it ignores TERM
			"restart, replaced again": {0, "2 kept"},
			"stop, replaced again":    {0, "2 kept"},
		}),
	}},
	{{
		name: "cron", script: "cron", pidfile: "/run/crond.pid", user: "root", number: 1, reload: "kept",
		exe: "/usr/sbin/cron", wrong: and(doubled(), anyNumber),
	}},
	{{
		name: "ssh", script: "ssh", pidfile: "/run/sshd.pid", user: "root", number: 1, reload: "kept",
		exe: "/usr/sbin/sshd", wrong: and(lost(), anyNumber),
	}},
}

// anyNumber: Debian's functions take whoever has the number for the daemon.
var anyNumber = map[string]came{"status, number recycled": {0, "none"}}

// inOneFile: redis-server and redis-sentinel are links to one file, and the stock tools take one for the other.
var inOneFile = map[string]came{
	"status, number recycled":     {0, "none"},
	"start, number recycled":      {0, "none"},
	"stop, number recycled again": {0, "none, and an innocent has ended"},
}

// same is wrong on both hosts.
func same(code int, runs, why string) wrong { return wrong{came{code, runs}, came{code, runs}, why} }

// lost is what a lost pidfile leads to.
func lost() map[string]wrong {
	return map[string]wrong{
		"status, pidfile lost":     same(3, "1 kept", "the pidfile that is named decides"),
		"stop, pidfile lost again": same(0, "1 kept", "no pidfile says whose it is"),
	}
}

// doubled is that where the daemon lets a second one run.
func doubled() map[string]wrong {
	all := lost()
	all["start, pidfile lost"] = same(0, "1 kept, 1 new", "--start goes by pidfile and executable, as dpkg's")
	return all
}

// and adds where only the stock tools are wrong.
func and(all map[string]wrong, stock ...map[string]came) map[string]wrong {
	if all == nil {
		all = map[string]wrong{}
	}
	for _, steps := range stock {
		for step, is := range steps {
			all[step] = wrong{stock: is}
		}
	}
	return all
}

// secondHaproxy makes the pidfile one of nbproc 2, which haproxy no longer knows since 2.5: one number a line.
const secondHaproxy = `pidfile=/run/haproxy.pid
[ "$(wc -l <$pidfile)" -ge 2 ] || {
	/usr/sbin/haproxy -f /etc/haproxy/second.cfg -D -p /tmp/second.pid && cat /tmp/second.pid >>$pidfile && rm /tmp/second.pid
}`

// standIns are init scripts of administrators' own.
var standIns = map[string]string{"haproxy-lsb": haproxyLSB, "mariadb-safe": mariadbSafe}

// haproxyLSB leaves it all to the LSB's functions.
const haproxyLSB = `#!/bin/sh
. /lib/lsb/init-functions
PIDFILE=/run/haproxy.pid DAEMON=/usr/sbin/haproxy
case $1 in
start) start_daemon -p $PIDFILE $DAEMON -f /etc/haproxy/haproxy.cfg -D -p $PIDFILE ;;
stop) killproc -p $PIDFILE $DAEMON && rm -f $PIDFILE ;;
restart) $0 stop && $0 start ;;
status) status_of_proc -p $PIDFILE $DAEMON haproxy ;;
esac
`

// mariadbSafe has the wrapper's number in its pidfile, which start-stop-daemon writes when it has returned, and asks about
// the server. A wrapper that finds a server running ends: one that looks late, when the server was killed for the next step,
// would start a second.
const mariadbSafe = `#!/bin/sh
. /lib/lsb/init-functions
PIDFILE=/run/mariadbd-safe.pid DAEMON=/usr/sbin/mariadbd
settled() {
	[ -s $PIDFILE ] && wrapper=$(cat $PIDFILE) && { [ ! -e "/proc/$wrapper" ] || pgrep -P "$wrapper" -x mariadbd; }
}
case $1 in
start)
	install -m 755 -o mysql -d /run/mysqld
	start-stop-daemon --start --oknodo --background --make-pidfile --pidfile $PIDFILE --exec /usr/bin/mysqld_safe
	until settled && mariadb-admin ping; do sleep 0.1; done >/dev/null 2>&1
	;;
stop) killproc -p $PIDFILE $DAEMON && rm -f $PIDFILE ;;
restart) $0 stop && $0 start ;;
status) status_of_proc -p $PIDFILE $DAEMON mariadb ;;
esac
`

// columnsTree holds the files of their packages. None is installed: that would take longer than all the rest, and start
// what the steps have to start.
func columnsTree(t *testing.T) string {
	t.Helper()
	needs(t)
	machine := &Host{debian: debs.Machine}
	folders := []string{
		machine.fetch(t, "install", "--download-only", "--reinstall", "--no-install-recommends", "redis-server", "redis-sentinel", "haproxy",
			"cron", "openssh-server", "mariadb-server-core", "mariadb-client-core"),
		machine.fetch(t, "download", "mariadb-server", "mariadb-client", "mariadb-common", "mysql-common", "psmisc"),
	}
	tree := filepath.Join(t.TempDir(), "columns")
	for _, folder := range folders {
		if err := debs.Unpack(folder, tree); err != nil {
			t.Fatal(err)
		}
	}
	const keep = `cd "$1" && rm -rf usr/share/doc usr/share/man usr/share/locale usr/lib/systemd && cd usr/bin &&
		ls | grep -vE '^(redis-|mariadbd-safe|mysqld_safe|mariadb-(admin|install-db)$|mysqladmin$|mysql_install_db$|my_print_defaults$|resolveip$|killall$)' | xargs rm`
	if err := done(exec.Command("/bin/sh", "-c", keep, "sh", tree)); err != nil {
		t.Fatal(err)
	}
	return tree
}

// columnsSetup does what the packages' own scripts do, and sets them up for a small host.
const columnsSetup = `set -e
for user in redis mysql haproxy sshd; do
	getent passwd $user >/dev/null || useradd -r -s /usr/sbin/nologin -d /nonexistent $user
done
rm -rf /var/lib/mysql /var/lib/redis /etc/mysql/* /etc/default/redis* /etc/default/cron /etc/default/haproxy /etc/default/ssh /etc/ssh/sshd_config.d \
	/etc/ssh/ssh_host_* # also what the machine may have of them
echo MYSQLD_STARTUP_TIMEOUT=36000 >/etc/default/mariadb # it may be a slow machine
mkdir -p /var/lib/redis /var/lib/haproxy /var/lib/mysql /run/lock
printf '%s\n' 'daemonize yes' 'pidfile /run/redis/redis-server.pid' 'port 6379' 'bind 127.0.0.1' 'dir /var/lib/redis' >/etc/redis/redis.conf
printf '%s\n' 'daemonize yes' 'pidfile /run/sentinel/redis-sentinel.pid' 'port 26379' 'dir /var/lib/redis' \
	'sentinel monitor mymaster 127.0.0.1 6379 2' >/etc/redis/sentinel.conf
printf '%s\n' 'port 26380' 'sentinel monitor mymaster 127.0.0.1 6379 2' >/var/lib/redis/other-sentinel.conf
printf '%s\n' 'port 6380' 'save ""' >/var/lib/redis/other-server.conf
chown -R redis:redis /etc/redis /var/lib/redis
printf '%s\n' global 'user haproxy' 'group haproxy' 'daemon' defaults 'mode http' 'timeout connect 5s' 'timeout client 5s' \
	'timeout server 5s' 'frontend one' 'bind 127.0.0.1:8085' >/etc/haproxy/haproxy.cfg
sed s/8085/8086/ /etc/haproxy/haproxy.cfg >/etc/haproxy/second.cfg
printf '%s\n' '[mariadbd]' 'user = mysql' 'pid-file = /run/mysqld/mysqld.pid' 'socket = /run/mysqld/mysqld.sock' 'datadir = /var/lib/mysql' \
	'skip-networking' 'innodb_buffer_pool_size = 8M' 'innodb_log_file_size = 4M' \
	'[client]' 'user = root' 'socket = /run/mysqld/mysqld.sock' >/etc/mysql/my.cnf
cp /etc/mysql/my.cnf /etc/mysql/debian.cnf
ln -s /bin/true /etc/mysql/debian-start
printf '%s\n' 'ListenAddress 127.0.0.1' 'Port 22' 'UsePAM no' >/etc/ssh/sshd_config
ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key
mariadb-install-db --user=mysql --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve >/dev/null 2>&1
`
