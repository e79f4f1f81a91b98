package audit

import (
	"strings"
	"testing"
)

// Places of real scripts whose number is not the one daemon's that a pidfile names: a patch would leave other programs
// running, or miss the others of a group (issue 17.3).
func TestNotTheDaemons(t *testing.T) {
	for name, text := range map[string]string{
		"mailfromd, a process group": `DAEMON=/usr/sbin/mailfromd PIDFILE=/run/mailfromd.pid
PID=$(head -n 1 $PIDFILE)
kill -TERM -$PID
`,
		"weborf, a number in each line": `DAEMON=/usr/bin/weborf PIDFILE=/run/weborf.pid
for i in $(cat $PIDFILE); do
	kill $i
done
`,
		"the same, read by a loop": `DAEMON=/usr/bin/weborf PIDFILE=/run/weborf.pid
while read -r pid; do
	kill $pid
done <$PIDFILE
`,
		"psad, four programs": `DAEMON=/usr/sbin/psad
list="psadwatchd kmsgsd psad psad_fw_read"
for process in $list; do
	pidfile="/run/psad/$process.pid"
	kill -0 $(cat "$pidfile")
done
`,
		"xymon, whatever has a pidfile there": `DAEMON=/usr/lib/xymon/server/bin/xymonlaunch PIDFILE=/run/xymon/xymonlaunch.pid
start-stop-daemon --exec $DAEMON --pidfile $PIDFILE --stop
for PIDFILE in /run/xymon/*.pid; do
	kill -HUP $(cat $PIDFILE)
done
`,
		"anytun, another daemon": `DAEMON=anytun
for PIDFILE in $(ls /run/anytun/*.pid); do
	kill $(cat $PIDFILE)
	kill $(cat /run/anytun-controld/$1.pid)
done
`,
		"smstools, after the pidfile was removed": `DAEMON=/usr/sbin/smsd PIDFILE=/run/smsd.pid
PID=$(cat $PIDFILE)
rm $PIDFILE
kill -0 $PID
`,
		"gbrowse, a daemon that is nowhere": `DAEMON=debian/gbrowse/bin/gbrowse_slave PIDFILE=/run/gbrowse.pid
kill -0 $(cat $PIDFILE)
`,
	} {
		found := ofText(t, name, "#!/bin/sh\n"+text)
		if p := patchOf(&script{path: name, text: "#!/bin/sh\n" + text}, found); inPlace(p) != 0 || len(found) == 0 {
			t.Errorf("%s: %d places, replaced:\n%s", name, len(found), p.Diff())
		}
	}
}

// Another action's rm is not before (postsrsd).
func TestRemovedElsewhere(t *testing.T) {
	text := `#!/bin/sh
DAEMON=/usr/sbin/postsrsd PIDFILE=/run/postsrsd.pid
case $1 in
stop)
	rm -f $PIDFILE
	;;
status)
	PID=$(cat $PIDFILE)
	kill -0 "$PID"
	;;
esac
`
	if p := patchOf(&script{path: "postsrsd", text: text}, ofText(t, "postsrsd", text)); p.Done != 1 {
		t.Errorf("%d places replaced:\n%s", p.Done, p.Diff())
	}
}

// Several pidfiles of one daemon, and a loop that reads one line (tinc).
func TestInstances(t *testing.T) {
	text := `#!/bin/sh
DAEMON=/usr/sbin/tincd
signal_running() {
	for i in /var/run/tinc.*pid; do
		head -1 $i | while read pid; do
			kill -$1 $pid
		done
	done
}
stop() {
	i=0
	read pid rest </var/run/tinc.$1.pid || return
	kill -0 "$pid" || return
}
signal_running ALRM
stop net
`
	p := patchOf(&script{path: "tinc", text: text}, ofText(t, "tinc", text))
	for _, want := range []string{`pidproof start-stop-daemon --stop --quiet --pidfile "$i" --exec "$DAEMON" --signal "$1" || false`, `pidproof pidofproc -p /var/run/tinc.$1.pid "$DAEMON" >/dev/null`} {
		if !strings.Contains(p.Text(), want) {
			t.Errorf("no %s in:\n%s", want, p.Text())
		}
	}
}

// TERM of killproc would remove the pidfile, and then rm would end the script (uanytun).
func TestTermLeavesPidfile(t *testing.T) {
	text := "#!/bin/sh\nset -e\nDAEMON=/usr/sbin/uanytun PIDFILE=/run/uanytun/net.pid\nkill $(cat $PIDFILE) || true\nrm $PIDFILE\n"
	p := patchOf(&script{path: "uanytun", text: text}, ofText(t, "uanytun", text))
	if p.Done != 1 || strings.Contains(p.Text(), "killproc") {
		t.Errorf("%d places:\n%s", p.Done, p.Diff())
	}
}
