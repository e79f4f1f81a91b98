package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// act is one call of an init script, after what is done before it.
type act struct {
	before string // a shell script
	action string
	right  int // the exit code
}

// called is a service whose init script calls its daemon by a label, or by a script that becomes another program.
type called struct {
	name    string
	pidfile string
	program string // what runs in the end
	script  string // its init script, where that is not Debian's
	daemon  string // and the start script
	acts    []act
}

// kill ends the main process as a crash does, and its pidfile stays.
func (s called) kill() string {
	return fmt.Sprintf(`pid=$(cat %s) && kill -KILL "$pid" && while [ -e "/proc/$pid" ]; do sleep 0.01; done`, s.pidfile)
}

// elasticsearchInit is what the init script of elasticsearch 7 does: a label for pidofproc and status_of_proc, and a
// start script that ends in exec java, as the service's user, whose pidfile it is.
const elasticsearchInit = `#!/bin/sh
. /lib/lsb/init-functions
NAME=elasticsearch DAEMON=/usr/share/elasticsearch/bin/elasticsearch ES_USER=games
PID_DIR=/var/run/elasticsearch PID_FILE=$PID_DIR/$NAME.pid
case $1 in
start)
	pid=$(pidofproc -p $PID_FILE elasticsearch)
	[ -z "$pid" ] || exit 0
	mkdir -p "$PID_DIR" && chown "$ES_USER" "$PID_DIR"
	touch "$PID_FILE" && chown "$ES_USER" "$PID_FILE"
	start-stop-daemon --start --user "$ES_USER" -c "$ES_USER" --pidfile "$PID_FILE" --exec $DAEMON -- -d -p $PID_FILE
	code=$? i=0
	until { kill -0 $(cat "$PID_FILE"); } >/dev/null 2>&1; do
		sleep 1
		i=$((i + 1))
		[ $i -le 10 ] || exit 1
	done
	exit $code
	;;
stop)
	[ -f "$PID_FILE" ] || exit 0
	start-stop-daemon --stop --pidfile "$PID_FILE" --user "$ES_USER" --quiet --retry forever/TERM/20 >/dev/null
	code=$?
	[ $code != 1 ] || exit 0
	rm -f "$PID_FILE"
	exit $code
	;;
status) status_of_proc -p $PID_FILE elasticsearch elasticsearch && exit 0 || exit $? ;;
restart) $0 stop && $0 start ;;
esac
`

const elasticsearchDaemon = `#!/bin/sh
( sh -c 'echo $PPID' >"$3" && exec /usr/lib/jvm/java 600 ) </dev/null >/dev/null 2>&1 &
`

// tomcatInit is the way of tomcat's and jenkins': start-stop-daemon makes the pidfile, which is root's, and the script
// that it executes as the service's user becomes the virtual machine. It asks by the script's path.
const tomcatInit = `#!/bin/sh
. /lib/lsb/init-functions
PID=/run/tomcat.pid DAEMON=/usr/share/tomcat/bin/catalina.sh
case $1 in
start) start-stop-daemon --start --oknodo --background --make-pidfile --pidfile $PID --chuid games --exec $DAEMON -- run ;;
stop) start-stop-daemon --stop --oknodo --retry 20 --pidfile $PID --exec $DAEMON && rm -f $PID ;;
status) status_of_proc -p $PID $DAEMON tomcat ;;
restart) $0 stop && $0 start ;;
esac
`

const tomcatDaemon = "#!/bin/sh\nexec /usr/lib/jvm/java 600\n"

// TestLabels: wherever Debian's functions are right about a daemon that is only called something, or that was a script,
// pidproof is. The log has their exit codes beside each other.
func TestLabels(t *testing.T) { onBoth(t, testLabels) }

func testLabels(t *testing.T, d debian) {
	h := d.boot(t)
	h.Must(t, "exec 2>&1; dpkg --purge --force-depends prosody cron; rm -rf /run/prosody /var/lib/man-db/auto-update")
	h.Install(t, "prosody", "cron-daemon-common", "cron") // cron is root's, and a witness of the clock
	h.Must(t, "/etc/init.d/prosody stop; kill $(cat /run/prosody/prosody.pid); rm -f /run/prosody/prosody.pid")
	// Its kernel threads run on no host of a test.
	h.Copy(t, h.fetch(t, "download", "nfs-kernel-server"), "/tmp")
	h.Must(t, "dpkg-deb --fsys-tarfile /tmp/nfs-kernel-server_*.deb | tar -x -C / --keep-directory-symlink && mkdir -p /usr/lib/jvm && cp /bin/sleep /usr/lib/jvm/java")

	elasticsearch := called{name: "elasticsearch", pidfile: "/run/elasticsearch/elasticsearch.pid", program: "/usr/lib/jvm/java",
		script: elasticsearchInit, daemon: "usr/share/elasticsearch/bin/elasticsearch"}
	tomcat := called{name: "tomcat", pidfile: "/run/tomcat.pid", program: "/usr/lib/jvm/java",
		script: tomcatInit, daemon: "usr/share/tomcat/bin/catalina.sh"}
	prosody := called{name: "prosody", pidfile: "/run/prosody/prosody.pid"}
	elasticsearch.acts = []act{{"", "status", 3}, {"", "start", 0}, {"", "status", 0}, {"", "start", 0}, {"", "restart", 0}, {"", "status", 0},
		{elasticsearch.kill(), "status", 1}, {"", "start", 0}, {"", "status", 0}, {"", "stop", 0}, {"", "status", 3}, {"", "stop", 0}}
	tomcat.acts = []act{{"", "status", 3}, {"", "start", 0}, {"", "status", 0}, {"", "start", 0}, {"", "restart", 0}, {"", "status", 0},
		{tomcat.kill(), "status", 1}, {"", "start", 0}, {"", "status", 0}, {"", "stop", 0}, {"", "status", 3}}
	// Its stop asks for lua5.2 by name, while lua5.4 runs: it ends nothing, on stock either.
	prosody.acts = []act{{"", "status", 3}, {"", "start", 0}, {"", "status", 0}, {prosody.kill(), "status", 1}, {"rm " + prosody.pidfile, "status", 3}}
	services := []called{elasticsearch, tomcat, prosody, {name: "nfs-kernel-server", acts: []act{{"", "status", 3}}}}
	for daemon, text := range map[string]string{elasticsearch.daemon: elasticsearchDaemon, tomcat.daemon: tomcatDaemon} {
		h.put(t, daemon, text)
	}

	stock := map[string][]int{}
	for _, s := range services {
		if s.script != "" {
			h.put(t, "etc/init.d/"+s.name, s.script)
		}
		stock[s.name] = s.play(t, h)
	}
	for _, pid := range mains(t, h, "/usr/lib/jvm/java") { // dpkg's --exec knows no script, and starts a second
		h.Must(t, fmt.Sprintf("kill %d", pid))
	}
	installPidproof(t, h)
	installWrapper(t, h)
	for _, s := range services {
		t.Run(s.name, func(t *testing.T) {
			ours := s.play(t, h)
			if left := mains(t, h, "/usr/lib/jvm/java"); len(left) > 0 {
				t.Errorf("%s is stopped: %v run", s.name, left)
			}
			for i, a := range s.acts {
				t.Logf("%-10s stock %d, ours %d, right %d", a.action, stock[s.name][i], ours[i], a.right)
				if ours[i] != a.right {
					t.Errorf("%s: act %d, %s: exit %d, want %d (stock: %d)", s.name, i, a.action, ours[i], a.right, stock[s.name][i])
				}
			}
		})
	}
}

// play calls the init script and returns its exit codes.
func (s called) play(t *testing.T, h *Host) (codes []int) {
	t.Helper()
	for _, a := range s.acts {
		h.Must(t, a.before)
		result := h.Sh(t, "/etc/init.d/"+s.name+" "+a.action+" 2>&1")
		codes = append(codes, result.Code)
		if a.action != "stop" && a.action != "status" && s.pidfile != "" {
			eventually(t, s.name+" runs", func() bool {
				return h.Sh(t, fmt.Sprintf(`exe=$(readlink "/proc/$(cat %s)/exe") && case $exe in *%s*) ;; *) exit 1 ;; esac`, s.pidfile, s.program)).Code == 0
			})
		}
		if a.right != result.Code {
			t.Logf("%s %s: exit %d: %s", s.name, a.action, result.Code, strings.TrimSpace(result.Stdout))
		}
	}
	return codes
}

// put writes an executable file of the host.
func (h *Host) put(t *testing.T, path, text string) {
	t.Helper()
	tree := t.TempDir()
	file := filepath.Join(tree, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	h.Copy(t, tree, "/")
}
