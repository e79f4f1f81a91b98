package audit

import (
	"strings"
	"testing"
)

// The number is read outside of the functions that use it, or another assignment of its pidfile is in an arm that is not
// taken: shapes of inspircd, xymon-client and isc-dhcp-server (issue 17). What is not replaced beside each would be wrong.
func TestReadElsewhere(t *testing.T) {
	const head = "#!/bin/sh\nDAEMON=/bin/d\nP=/run/d.pid\n"
	const started = "start-stop-daemon --start --pidfile $P --exec $DAEMON\n"
	const read = "if [ -f $P ]; then\n\tN=$(cat $P)\nfi\n"
	const reload = "reload_d() {\n\t[ \"$N\" ] && kill -HUP $N\n}\n"
	const ask = "ask() {\n\tF=$2\n\tread n <$F && ps -p $n >/dev/null\n}\n"
	for _, c := range []struct {
		why, text string
		done      int
	}{
		{"read before the functions", read + reload + "case $1 in\nstart) " + started + "\t;;\nreload) reload_d ;;\nesac", 1},
		{"read between them", reload + read + "reload_d", 1},
		{"through another function", read + reload + "all() { reload_d; }\nall", 1},
		{"after a start", read + reload + started + "reload_d", 0},
		{"after a start in the same arm", read + reload + "case $1 in\nreload) " + started + "reload_d ;;\nesac", 0},
		{"after a start in an arm that is taken, too", read + reload + "case $1 in\na) " + started + ";;\nesac\ncase $1 in\nreload) reload_d ;;\nesac", 0},
		{"after a start in its arm of another arm", read + reload + "case $1 in\na) case $2 in b) " + started + ";; esac; reload_d ;;\nesac", 0},
		{"where bash falls through", read + reload + "case $1 in\nstart) " + started + "\t;&\nreload) reload_d ;;\nesac", 0},
		{"in a loop", read + reload + "for i in 1 2; do reload_d; " + started + "done", 0},
		{"where a function starts it", read + reload + "go() { " + started + "}\ngo\nreload_d", 0},
		{"where its own function starts it", read + "again() {\n" + started + "\tkill -HUP $N\n}\nagain", 0},
		{"where its own function may have started it before", read + "again() {\n\twhile :; do\n\t\tkill -HUP $N\n\t\t" + started + "\tdone\n}\nagain", 0},
		{"called before it is read", reload + "reload_d\n" + read, 0},
		{"called from a trap", reload + "trap reload_d 0\n" + read + "reload_d\n" + started, 0},
		{"called from a text", reload + "X='reload_d'\n" + read + "reload_d\n" + started + "$X", 0},
		{"called by a name that is made up", read + reload + "reload_d\n" + started + "${1}_d", 0},
		{"never called", read + reload, 0},
		{"read in a subshell", "( N=$(cat $P) )\n" + reload + "reload_d", 0},
		{"read in one arm only", "case $1 in\nx) N=$(cat $P) ;;\nesac\n" + reload + "reload_d", 0},
		{"read if something else is so", "if [ -x /bin/d ]; then N=$(cat $P); fi\n" + reload + "reload_d", 0},
		{"read twice", read + "N=$(cat /run/e.pid)\n" + reload + "reload_d", 0},
		{"its own in the function", read + "reload_d() {\n\tlocal N\n\tkill -HUP $N\n}\nreload_d", 0},
		{"forgotten", read + reload + "unset N\nreload_d", 0},
		{"its pidfile is another by then", read + reload + "P=/run/e.pid\nreload_d", 0},
		{"its pidfile is made another by a function", read + reload + "other() { P=/run/e.pid; }\nreload_d", 0},

		{"a pidfile's variable that another arm sets", "case $1 in\nstatus) kill -0 `cat $P` ;;\nall) for P in /run/*.pid; do :; done ;;\nesac", 1},
		{"that an arm before it sets", "case $1 in\nall) for P in /run/*.pid; do :; done ;;\nstatus) kill -0 `cat $P` ;;\nesac", 1},
		{"that was set before", "for P in /run/*.pid; do :; done\nkill -0 `cat $P`", 0},
		{"in the same loop", "for i in 1 2; do kill -0 `cat $P`; P='/run/a.pid /run/b.pid'; done", 0},
		{"where bash falls through into it", "case $1 in\nall) P='/run/a.pid /run/b.pid' ;;&\nstatus) kill -0 `cat $P` ;;\nesac", 0},
		{"which a function sets", "many() { P='/run/a.pid /run/b.pid'; }\nmany\nkill -0 `cat $P`", 0},

		{"an argument, as the daemon's is", "go() { Q=$1; start-stop-daemon --start --pidfile $Q --exec $DAEMON; }\n" + ask + "go $P\nask -v $P", 1},
		{"an argument that is another's", "go() { Q=$1; start-stop-daemon --start --pidfile $Q --exec $DAEMON; }\n" + ask + "go $P\nask -v $P\nask -v $E", 0},
		{"an argument behind a shift", "go() { shift; Q=$1; start-stop-daemon --start --pidfile $Q --exec $DAEMON; }\n" + ask + "go $P $E\nask -v $P", 0},
		{"an argument that is missing once", "go() { Q=$1; start-stop-daemon --start --pidfile $Q --exec $DAEMON; }\n" + ask + "go $P\nask -v\nask -v $P", 0},
	} {
		text := head + c.text + "\n"
		if strings.Contains(c.why, "bash") {
			text = "#!/bin/bash\n" + text
		}
		if p := patchOf(&script{path: "x", text: text}, ofText(t, "x", text)); inPlace(p) != c.done {
			t.Errorf("%s: %d are replaced:\n%s\n%s", c.why, p.Done, text, p.Diff())
		}
	}
}

// What is said on stderr goes where it went: nowhere, where the script was silent.
func TestSilentAsBefore(t *testing.T) {
	for old, want := range map[string]string{
		"kill -HUP $(cat $P)":                 " HUP || false",
		"kill -HUP $(cat $P) 2>/dev/null":     " HUP 2>/dev/null || false",
		"kill -HUP $(cat $P) >/dev/null 2>&1": " HUP 2>/dev/null || false",
		"kill -HUP $(cat $P) 2>&1 >/dev/null": " HUP 2>&1 || false",
		"kill $(cat $P) 2>&1":                 " --signal TERM 2>&1 || false",
		"kill -0 $(cat $P) 2>&1":              " 2>&1 >/dev/null || [ $? = 4 ]",
		"kill -0 $(cat $P) 2>&1 >/dev/null":   " 2>&1 >/dev/null || [ $? = 4 ]",
		"kill -HUP $(cat $P) 2>&-":            " HUP 2>/dev/null || false",
		"kill $(cat $P) >/dev/null":           " --signal TERM || false",
		"kill -0 $(cat $P)":                   " >/dev/null || [ $? = 4 ]",
		"kill -0 $(cat $P) 2>/dev/null":       " >/dev/null 2>&1 || [ $? = 4 ]",
		"n=$(cat $P)\n[ -d /proc/$n ]":        " >/dev/null 2>&1 || [ $? = 4 ]",
		"n=$(cat $P)\nps -p $n >/dev/null":    " >/dev/null 2>&1 || [ $? = 4 ]",
	} {
		text := "#!/bin/sh\nDAEMON=/bin/d\nP=/run/d.pid\n" + old + "\n"
		p := patchOf(&script{path: "x", text: text}, ofText(t, "x", text))
		if !strings.Contains(p.Text(), want+"\n") {
			t.Errorf("%s:\n%s", old, p.Diff())
		}
	}
}

// apache2's block (Debian #868861), and what looks like it.
func TestBlock(t *testing.T) {
	const block = `#!/bin/sh
DAEMON=/usr/sbin/d
PIDFILE=/run/d.pid
do_stop() {
	local RET=0
	if pidof $DAEMON > /dev/null 2>&1 ; then
		if [ -e $PIDFILE ] && pidof $DAEMON | tr ' ' '\n' | grep -w $(cat $PIDFILE) > /dev/null 2>&1 ; then
			RET=2
		else
			RET=1
		fi
	else
		RET=0
	fi
	pidofproc -p $PIDFILE $DAEMON
}
`
	p := patchOf(&script{path: "x", text: block}, ofText(t, "x", block))
	if p.Done != 2 || !strings.Contains(p.Text(), "\n\telif pidof $DAEMON > /dev/null 2>&1 ; then\n") {
		t.Errorf("%d are replaced:\n%s", p.Done, p.Diff())
	}
	if left := ofText(t, "x", p.Text()); len(left) > 0 {
		t.Errorf("found in the patched script: %s", places(left))
	}
	for _, change := range [][2]string{
		{"[ -e $PIDFILE ] && pidof $DAEMON", "[ -e $PIDFILE ] && pidof other"},
		{"if pidof $DAEMON", "if ! pidof $DAEMON"},
		{"if pidof $DAEMON", "if pidof other"},
		{"if pidof $DAEMON", "if pidof -x $DAEMON"},
		{"if pidof $DAEMON", "x=1; if pidof $DAEMON"},
		{"$(cat $PIDFILE)", "$(cat /run/e.pid)"},
		{"\t\tRET=1", "\t\tOTHER=1"},
		{"\t\tRET=1", "\t\tRET=1; go"},
		{"\t\tRET=1", "\t\tRET=$(go)"},
		{"\t\tRET=1\n\t\tfi", "\t\tRET=1\n\t\tfi; go"},
		{"\telse\n\t\tRET=0", "\telif [ x ]; then\n\t\tRET=0"},
		{"\t\tRET=0\n\tfi", "\t\tRET=0\n\tfi >/log"},
		{"do_stop()", "pidof() { :; }\ndo_stop()"},
		{"-p $PIDFILE $DAEMON", "-p $PIDFILE /usr/sbin/e"},
		{"-p $PIDFILE $DAEMON", "-p $OTHER $DAEMON"},
	} {
		text := strings.Replace(block, change[0], change[1], 1)
		if p := patchOf(&script{path: "x", text: text}, ofText(t, "x", text)); text == block || p.Done != 0 {
			t.Errorf("%q: %d are replaced:\n%s", change[1], p.Done, p.Diff())
		}
	}
}
