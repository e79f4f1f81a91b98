package starters

import (
	"slices"
	"testing"

	"pidproof/cmd/pidproof/internal/shellvars"
)

// Lines of Debian's own init scripts, and of Red Hat's.
func TestScriptPidfiles(t *testing.T) {
	for _, c := range []struct {
		name, script string
		settings     map[string]shellvars.Var
		want         []string
	}{
		{"ssh", "\tif start-stop-daemon --start --quiet --oknodo --chuid 0:0 --pidfile /run/sshd.pid --exec /usr/sbin/sshd -- $SSHD_OPTS; then\n", nil, []string{"/run/sshd.pid"}},
		{"cron", "PIDFILE=/var/run/crond.pid\nstart_daemon -p $PIDFILE $DAEMON $EXTRA_OPTS\n", nil, []string{"/run/crond.pid"}},
		{"redis-server", "NAME=redis-server\nRUNDIR=/var/run/redis\nPIDFILE=$RUNDIR/redis-server.pid\n", nil, []string{"/run/redis/redis-server.pid"}},
		{"quotes", "NAME=\"x y\"\nPIDFILE=\"/run/${NAME}.pid\" # why\n", nil, []string{"/run/x y.pid"}},
		{"munin-node", "PIDFILE=$(sed -nE 's/^\\s*pid_file\\s+//p' /etc/munin/munin-node.conf)\nPIDFILE=${PIDFILE:-/run/munin/munin-node.pid}\n", nil, []string{"/run/munin/munin-node.pid"}},
		{"default", "#!/usr/bin/env /lib/init/init-d-script\nDAEMON=/usr/sbin/atd\n", nil, []string{"/run/atd.pid"}},
		{"base", "DAEMON=/usr/sbin/x\nPIDFILE=/run/${DAEMON##*/}.pid\n", nil, []string{"/run/x.pid"}},
		{"settings", "PIDFILE=/run/x.pid\n[ -r /etc/default/x ] && . /etc/default/x\n", map[string]shellvars.Var{"PIDFILE": {Value: "/srv/x.pid"}}, []string{"/srv/x.pid"}},
		{"Red Hat", "# pidfile: /var/run/httpd/httpd.pid\n", nil, []string{"/run/httpd/httpd.pid"}},
		{"comment", "# PIDFILE=/run/x.pid\n", nil, nil},
		{"unknown", "PIDFILE=/run/$1.pid\nPID=`cat /run/y.pid`\npid=$(cat /run/z.pid)\nPIDFILE=/run/$NOTSET.pid\nmkdir -p /run/rapid\n", nil, nil},
		{"no path", "PID=$$\npidof -x foo\n", nil, nil},
	} {
		if got := scriptPidfiles([]byte(c.script), c.settings); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNameOf(t *testing.T) {
	s := &Starters{
		scripts: map[string][]string{"/run/sshd.pid": {"ssh"}, "/run/a-foo.pid": {"a", "a-foo", "monitor"}, "/run/x.pid": {"one", "two"}},
		units:   map[string][]string{"/run/sshd.pid": {"sshd"}, "/run/x.pid": {"three"}},
	}
	s.addUnit("redis-server@", "/run/redis-%i/redis-server.pid")
	s.addUnit("postgresql@", unitPidfile([]byte("[Service]\nPIDFile=postgresql/%i.pid\n")))
	s.addUnit("plain", unitPidfile([]byte("PIDFile=/x.pid\nPIDFile=%t/plain.pid\n")))
	for pidfile, want := range map[string]string{
		"/run/sshd.pid": "ssh", "/run/a-foo.pid": "a-foo", "/run/x.pid": "three", "/run/nobody.pid": "",
		"/run/redis-two/redis-server.pid": "redis-server@two", "/run/postgresql/15-main.pid": "postgresql@15-main",
		"/run/redis-/redis-server.pid": "", "/run/redis-a/b/redis-server.pid": "", "/run/plain.pid": "plain",
	} {
		if got := s.NameOf(pidfile); got != want {
			t.Errorf("%s: %q, want %q", pidfile, got, want)
		}
	}
	if got := s.Pidfiles(); !slices.Equal(got, []string{"/run/a-foo.pid", "/run/plain.pid", "/run/sshd.pid", "/run/x.pid"}) {
		t.Errorf("pidfiles %q", got)
	}
}

func FuzzScriptPidfiles(f *testing.F) {
	f.Add("A=$B$B\nB=${A:-x}\nPIDFILE=/run/${A##*/}.pid\nx -p $PIDFILE\n")
	f.Fuzz(func(t *testing.T, script string) {
		for _, path := range scriptPidfiles([]byte(script), nil) {
			if path != canonical(path) || len(path) > 2*longestLine {
				t.Errorf("%q", path)
			}
		}
	})
}

func TestDaemons(t *testing.T) {
	for text, want := range map[string]bool{
		"DAEMON=/usr/sbin/x\n": true, "start-stop-daemon --exec /usr/sbin/x -- -a": true, "/usr/sbin/x": true,
		"/usr/sbin/x-y": false, "/srv/usr/sbin/x": false, "/usr/sbin/xy /usr/sbin/x.sh": false, "/usr/sbin/xy; /usr/sbin/x;": true, "": false,
	} {
		if got := hasPath(text, "/usr/sbin/x"); got != want {
			t.Errorf("%q has the path: %v, want %v", text, got, want)
		}
	}
	for script, want := range map[string]string{
		"DAEMON=/usr/sbin/x\n": "/usr/sbin/x", "  DAEMON=\"/usr/sbin/x\" # why\n": "/usr/sbin/x",
		"DAEMON=/usr/sbin/$NAME\n": "", "DAEMON=/a\nDAEMON=/b\n": "", "#DAEMON=/a\n": "", "MYDAEMON=/a\n": "", "DAEMON=none\n": "",
	} {
		if got := scriptDaemon([]byte(script)); got != want {
			t.Errorf("%q starts %q, want %q", script, got, want)
		}
	}
	for unit, want := range map[string]string{
		"ExecStart=/usr/sbin/x -D\n": "/usr/sbin/x", "ExecStart=-/usr/sbin/x\n": "/usr/sbin/x",
		"ExecStart=/usr/sbin/x-%i\n": "", "ExecStart=/a\nExecStart=/b\n": "", "ExecStartPre=/a\n": "", "ExecStart=x\n": "",
	} {
		if got := unitDaemon([]byte(unit)); got != want {
			t.Errorf("%q starts %q, want %q", unit, got, want)
		}
	}
}
