package rules

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/matcher/internal/fact"
)

// called is a process of this name, these arguments and this executable.
func called(comm, argv, exe string) fact.Evidence {
	e := fact.Evidence{PID: 4000001, Comm: comm, Argv: fact.Of(strings.Fields(argv))}
	if e.Exe = fact.Of(fact.Exe{Link: exe}); exe == "" {
		e.Exe = fact.Failed[fact.Exe](unix.EACCES)
	}
	return e
}

// Debian bugs 353015 and 519128: names of more than 15 characters never matched.
func TestNamed(t *testing.T) {
	const long = "a-very-long-daemon-name"
	for _, c := range []struct {
		what, name string
		e          fact.Evidence
		want       Outcome
	}{
		{"short", "cron", called("cron", "/usr/sbin/cron -f", "/usr/sbin/cron"), Runs},
		{"short, a part", "cro", called("cron", "/usr/sbin/cron", "/usr/sbin/cron"), NotThis},
		{"short, more", "crond", called("cron", "/usr/sbin/crond", "/usr/sbin/crond"), NotThis},
		{"short, no argument counts", "cron", called("sh", "cron", "/usr/sbin/cron"), NotThis},
		{"short, capitals", "Cron", called("cron", "cron", "/usr/sbin/cron"), NotThis},
		{"15 characters", "systemd-journal", called("systemd-journal", "x", "/usr/lib/systemd/systemd-journald"), Runs},
		{"16 characters", "systemd-journald", called("systemd-journal", "/usr/lib/systemd/systemd-journald", ""), Runs},
		{"by its executable", long, called(long[:CommLen], "-: title", "/usr/sbin/"+long), Runs},
		{"by a removed executable", long, called(long[:CommLen], "title", "/usr/sbin/"+long+" (deleted)"), Runs},
		{"by a replaced executable", long, called(long[:CommLen], "title", "/usr/sbin/"+long+".dpkg-tmp"), Runs},
		{"a script", long, called(long[:CommLen], "/usr/bin/perl -w /usr/sbin/"+long+" -d", "/usr/bin/perl"), Runs},
		{"a script, by its name", long, called(long[:CommLen], "python3 "+long, "/usr/bin/python3.11"), Runs},
		{"a login shell", long, called(long[:CommLen], "-"+long, "/bin/sh"), Runs},
		{"the rest differs", long, called(long[:CommLen], "/usr/sbin/a-very-long-daemon-title", "/usr/sbin/a-very-long-daemon-title"), NotThis},
		{"the rest is missing", long, called(long[:CommLen], "/usr/sbin/"+long[:CommLen], "/usr/sbin/"+long[:CommLen]), NotThis},
		{"it renamed itself", long, called("worker", "/usr/sbin/"+long, "/usr/sbin/"+long), NotThis},
		{"14 characters of it", long, called(long[:CommLen-1], "/usr/sbin/"+long, "/usr/sbin/"+long), NotThis},
		{"nothing to be read", long, called(long[:CommLen], "", ""), Undecided},
		{"nothing to be read of another", long, called("sshd", "", ""), NotThis},
		{"a title over its arguments, the executable another user's", long, called(long[:CommLen], "ready: 5 workers", ""), Undecided},
	} {
		if got := named(c.name, c.e); got != c.want {
			t.Errorf("%s: %s for %q %q %q: got %v, want %v", c.what, c.name, c.e.Comm, c.e.Argv.Value, c.e.Exe.Value.Link, got, c.want)
		}
	}
}

// Who may have the number of a stale pidfile, if the clock was set: nobody but
// who is called like it.
func TestResembles(t *testing.T) {
	perl := called("perlbal", "/usr/bin/perl /usr/bin/perlbal", "/usr/bin/perl")
	for _, c := range []struct {
		pidfile string
		e       fact.Evidence
		want    bool
	}{
		{"/run/crond.pid", called("cron", "/usr/sbin/cron", "/usr/sbin/cron"), true},
		{"/run/cron.pid", called("crond", "/usr/sbin/crond", "/usr/sbin/crond"), true},
		{"/run/dovecot/master.pid", called("dovecot", "/usr/sbin/dovecot", "/usr/sbin/dovecot"), true},
		{"/run/php/php8.2-fpm.pid", called("php-fpm8.2", "php-fpm: master process", "/usr/sbin/php-fpm8.2"), true},
		{"/run/nginx.pid", called("nginx", "nginx: master process /usr/sbin/nginx", "/usr/sbin/nginx"), true},
		{"/run/apache2/apache2.pid", called("apache2", "/usr/sbin/apache2 -k start", "/usr/sbin/apache2 (deleted)"), true},
		{"/run/apache2/apache2.pid", called("httpd", "httpd", "/usr/sbin/apache2.dpkg-tmp"), true},
		{"/run/avahi-daemon/pid", called("avahi-daemon", "avahi-daemon: running", "/usr/sbin/avahi-daemon"), true},
		{"/run/NetworkManager.pid", called("NetworkManager", "/usr/sbin/NetworkManager", "/usr/sbin/NetworkManager"), true},
		{"/run/openvpn/server.pid", called("openvpn", "/usr/sbin/openvpn", "/usr/sbin/openvpn"), true},
		{"/var/run/dbus/pid", called("dbus-daemon", "/usr/bin/dbus-daemon", "/usr/bin/dbus-daemon"), true},
		{"/run/dhclient.eth0.pid", called("dhclient", "dhclient eth0", "/sbin/dhclient"), true},
		{"/run/atd.pid", called("atd", "/usr/sbin/atd", "/usr/sbin/atd"), true},
		{"/run/perlbal.pid", perl, true},

		{"/run/monit.pid", called("bash", "-bash", "/usr/bin/bash"), false},
		{"/run/monit.pid", called("postgres", "postgres: checkpointer", "/usr/lib/postgresql/15/bin/postgres"), false},
		{"/run/foo.pid", called("runit", "runit", "/sbin/runit"), false},
		{"/run/foo.pid", called("runsvdir", "runsvdir", "/usr/bin/runsvdir"), false},
		{"/run/python-app.pid", called("python3", "python3 /usr/bin/other", "/usr/bin/python3.11"), false},
		{"/run/x.pid", called("x", "x", "/usr/bin/x"), false}, // two letters are everybody's
		{"/run/sh.pid", called("sh", "sh", "/bin/sh"), false},
		{"/run/shutdownd.pid", called("sh", "sh", "/bin/sh"), false},
		{"/run/pid", called("pidof", "pidof", "/bin/pidof"), false},
		{"/run/foo/master.pid", called("master", "master", "/usr/lib/postfix/sbin/master"), false},
		{"/run/main.pid", called("main", "./main", "/home/x/main"), false},
		{"/run/daemon.pid", called("daemon", "daemon", "/usr/bin/daemon"), false},
		{"/x.pid", called("x", "", ""), false},
		{"x.pid", called("bash", "", ""), false},
		{"/run/.pid", called("bash", "", ""), false},
		{"", called("bash", "", ""), false},
		{"/run/foo.pid", called("", "", ""), false},
		// Directories that are nobody's name either.
		{"/var/lib/foo.pid", called("libvirtd", "/usr/sbin/libvirtd", "/usr/sbin/libvirtd"), false},
		{"/var/log/foo.pid", called("login", "/bin/login", "/usr/bin/login"), false},
		{"/opt/app/foo.pid", called("apparmor", "apparmor", "/usr/sbin/apparmor"), false},
		{"/run/user/foo.pid", called("userdbd", "userdbd", "/usr/sbin/userdbd"), false},
		{"/run/system/foo.pid", called("systemd-logind", "systemd-logind", "/usr/lib/systemd/systemd-logind"), false},
		{"/srv/home/foo.pid", called("homed", "homed", "/usr/sbin/homed"), false},
		// An interpreter is every script's.
		{"/run/node_exporter.pid", called("node", "node /srv/app.js", "/usr/bin/node"), false},
		{"/run/perlbal.pid", called("backup", "/usr/bin/perl /usr/bin/backup", "/usr/bin/perl"), false},
		{"/run/dashboard.pid", called("cleanup", "/bin/sh /usr/bin/cleanup", "/usr/bin/dash"), false},
		{"/run/php8.2-fpm.pid", called("php", "php /srv/cron.php", "/usr/bin/php8.2"), false},
		{"/run/rubygems.pid", called("puma", "puma: cluster", "/usr/bin/ruby"), false},
	} {
		if got := Resembles(c.e, c.pidfile); got != c.want {
			t.Errorf("%s and %q %q %q: got %v, want %v", c.pidfile, c.e.Comm, c.e.Argv.Value, c.e.Exe.Value.Link, got, c.want)
		}
	}
}

func FuzzNamed(f *testing.F) {
	f.Add("a-very-long-daemon-name", "a-very-long-dae", "/usr/sbin/a-very-long-daemon-name -d", "")
	f.Add("a-very-long-daemon-name", "a-very-long-dae", "perl a-very-long-daemon-name", "/usr/bin/perl")
	f.Add("cron", "cron", "", "/usr/sbin/cron (deleted)")
	f.Add("", "", "", "")
	f.Add("/usr/sbin/with/a/slash", "/usr/sbin/with/", " /usr/sbin/with/a/slash", ".")
	f.Fuzz(func(t *testing.T, name, comm, argv, exe string) {
		e := called(comm, argv, exe)
		got := named(name, e)
		switch {
		case len(name) <= CommLen && (got == Runs) != (comm == name), len(name) <= CommLen && got == Undecided:
			t.Fatalf("%q of %q: %v", name, comm, got)
		case got != NotThis && len(name) > CommLen && comm != name[:CommLen]:
			t.Fatalf("%q of %q: %v", name, comm, got)
		case got == Undecided && e.Exe.State == fact.Known:
			t.Fatalf("%q: undecided, and its executable is known", name)
		case got == Runs && len(name) > CommLen && !strings.Contains(argv+" "+exe, name):
			t.Fatalf("%q was found in none of %q %q %q", name, comm, argv, exe)
		}
	})
}

func FuzzResembles(f *testing.F) {
	f.Add("/run/crond.pid", "cron", "/usr/sbin/cron", "/usr/sbin/cron (deleted)")
	f.Add("/run/dovecot/master.pid", "dovecot", "", "")
	f.Add("", "", "", "")
	f.Add("\xf3\xf6\x80", "", "", "\xe9") // Latin-1
	f.Add("\xff\xfe\xfd/\xff\xfe\xfd.pid", "\xff\xfe\xfd", "-", "/")
	f.Fuzz(func(t *testing.T, pidfile, comm, argv, exe string) {
		e := called(comm, argv, exe)
		if Resembles(e, pidfile) && len(comm) < 3 && len(argv) < 3 && len(exe) < 3 {
			t.Fatalf("%q is Resembles to nothing of three letters: %q %q %q", pidfile, comm, argv, exe)
		}
		// What has no name in common with anybody is Resembles to nobody.
		foreign := filepath.Join("/run", "~~~"+strings.Repeat("~", len(comm+argv+exe)))
		if !strings.Contains(comm+argv+exe, "~") && Resembles(e, foreign) {
			t.Fatalf("%q is Resembles to %q %q %q", foreign, comm, argv, exe)
		}
	})
}
