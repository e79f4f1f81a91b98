package instances

import (
	"slices"
	"testing"

	"pidproof/matcher"
)

func TestNameByPidfile(t *testing.T) {
	for path, want := range map[string]string{
		"/run/crond.pid":                       "crond",
		"/run/sshd.pid":                        "sshd",
		"/run/apache2/apache2.pid":             "apache2",
		"/run/apache2-foo/apache2.pid":         "apache2-foo", // Debian's setup-instance
		"/run/dovecot/master.pid":              "dovecot",
		"/run/dbus/pid":                        "dbus",
		"/run/postgresql/15-main.pid":          "15-main",
		"/run/samba/nmbd.pid":                  "nmbd",
		"/run/openvpn/server/office.pid":       "office",
		"/run/redis/redis-server.pid":          "redis-server",
		"/run/uwsgi/app/site/pid":              "site",
		"/run/php/php8.2-fpm.pid":              "php8.2-fpm",
		"/run/mysqld/mysqld.pid":               "mysqld",
		"/run/memcached/memcached_server1.pid": "memcached_server1",
	} {
		if got := nameByPidfile(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// Of a crowd that no pidfile accounts for, a person sees the parents.
func TestFamilies(t *testing.T) {
	runs := func(pid, ppid int) *matcher.Process {
		p := new(matcher.Process)
		p.Evidence.PID, p.Evidence.PPID = pid, ppid
		return p
	}
	roots := treeRootsOf([]*matcher.Process{runs(5, 1), runs(6, 5), runs(7, 6), runs(8, 5), runs(9, 4), runs(20, 21), runs(21, 20)})
	var got []int
	for _, f := range roots {
		got = append(got, f.Evidence.PID, f.descendants)
	}
	// 20 and 21 cannot be each other's parents, but numbers are passed on.
	if want := []int{5, 3, 9, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
