package audit

import (
	"strings"
	"testing"
)

// What is not replaced, because it would be wrong.
func TestNotReplaced(t *testing.T) {
	const head = "#!/bin/sh\nDAEMON=/bin/d\nP=/run/d.pid\n"
	for _, c := range []struct {
		why, text string
		done      int
	}{
		{"(it can)", "kill -HUP $(cat $P)", 1},
		{"a signal that only the shell knows", "kill -EXIT $(cat $P)\nkill -RTMIN $(cat $P)\nkill -00 $(cat $P)\nkill -FOO $(cat $P)", 0},
		{"a signal that may be another", "kill -${1:-HUP} $(cat $P)\nkill ${1:--HUP} $(cat $P)\nkill -s ${1:-HUP} $(cat $P)\nkill -s \"${S:=0}\" $(cat $P)", 0},
		{"its messages go to another", "kill -0 $(cat $P) 2>&3\nkill -HUP $(cat $P) 2>&$X", 0},
		{"a variable signal can", "k() { kill -$1 $(cat $P); }", 1},
		{"another function's argument", "a() { read n </run/$1.pid; }\nb() { kill $n; }", 0},
		{"two pidfiles", "n=$(cat $P)\nn=$(cat /run/e.pid)\nkill $n", 0},
		{"waited for when the pidfile may have gone", "n=$(cat $P)\nwhile kill -0 $n; do sleep 1; done", 0},
		{"killed at last likewise", "n=$(cat $P)\nkill -9 $n", 0},
		{"from a pipe by its own pidfile, and not by another's", "f() { head -1 $i | while read n; do kill $n; done; }\ng() { read n <$P; }", 1},
		{"what it prints is wanted", "ps -p $(cat $P)", 0},
		{"(whether it runs the daemon's file)", "n=$(cat $P)\n[ \"$(readlink /proc/$n/exe)\" = $DAEMON ]\n[ `readlink -f /proc/$n/exe` = \"$DAEMON\" ]", 2},
		{"whether it runs another file", "n=$(cat $P)\n[ $(readlink /proc/$n/exe) = /bin/e ]", 0},
		{"that it does not", "n=$(cat $P)\n[ $(readlink /proc/$n/exe) != $DAEMON ]", 0},
		{"where it is", "n=$(cat $P)\n[ $(readlink /proc/$n/cwd) = $DAEMON ]", 0},
		{"whether another does", "n=$1\n[ $(readlink /proc/$n/exe) = $DAEMON ]", 0},
		{"a test for more", "[ -d /proc/$(cat $P) -a -x /bin/d ]", 0},
		{"what the process does", "grep -q x /proc/$(cat $P)/environ", 0},
		{"two daemons", "start-stop-daemon --start --exec /bin/e\nstart-stop-daemon --start --exec $DAEMON\nkill $(cat $P)", 0},
		{"in the background", "kill $(cat $P) &", 0},
		{"several numbers", "for i in a b; do N=\"$N $(cat $P)\"; done\nkill $N", 0},
		{"several files", "kill $(cat /run/*.pid)", 0},
		{"several files in a variable", "Q='/run/a.pid /run/b.pid'\nkill $(cat $Q)", 0},
		{"another line of the file", "kill $(sed -n 2p $P)", 0},
		{"a field of the file", "kill $(cat $P | cut -d: -f2)", 0},
		{"its parent", `kill $(cat /proc/$(cat $P)/stat | cut -d" " -f4)`, 0},
		{"what a function makes of it", "kill $(f $(cat $P))", 0},
		{"or another number", "kill $(cat $P || echo 1)", 0},
		{"a part of a number", "n=$(cat $P)\nkill ${n%%,*}", 0},
		{"a second word", "read a n <$P; kill $n", 0},
		{"a process group", "kill -TERM -$(cat $P)", 0},
		{"a process group behind --", "kill -- -$(cat $P)", 0},
		{"(at once it can)", "n=$(cat $P)\n[ -n \"$n\" ] && kill $n", 1},
		{"its pidfile was removed", "n=$(cat $P)\nrm $P\nkill $n", 0},
		{"another has its pidfile by now, as nginx does it", "n=$(cat $P)\nstart\nkill -QUIT $n", 0},
		{"its pidfile's variable has changed", "n=$(cat $P)\nP=/run/e.pid\nkill $n", 0},
		{"another turn of a loop", "n=$(cat $P)\nfor i in 1 2; do kill -0 $n; done", 0},
		{"a command that may be another", "K=echo\n[ $X ] && K=kill\n$K $(cat $P)", 0},
		{"the length of a variable", "kill -${#X} $(cat $P)", 0},
		{"what it prints is kept", "kill $(cat $P) 2>>/log", 0},
		{"what it prints is kept elsewhere", "n=$(cat $P)\nps -p $n >/x 2>/dev/null", 0},
		{"another daemon's pidfile", "kill -HUP $(cat /run/rsyslogd.pid)", 0},
		{"not the daemon's pidfile", "start-stop-daemon --start --pidfile $P --exec $DAEMON\nkill -HUP $(cat $Q.pid)", 0},
		{"a daemon's word of another function", "s() { local d=/bin/d; start-stop-daemon --start --exec $d; }\nr() { kill $(cat $P); }", 0},
		{"a daemon that is a command line", "DAEMON='nice /bin/d'\nkill -0 $(cat $P)", 0},
		{"a daemon that becomes another", "start-stop-daemon --start --exec /bin/sh -- -c d\nkill $(cat $P)", 0},
		{"its message is read by the script", "case $(kill -0 $(cat $P) 2>&1) in '') ;; esac\nkill -HUP $(cat $P) 2>&1 | grep -q such\n{ kill -HUP $(cat $P); } 2>&1 | grep such\nkill -0 $(cat $P) |& grep such", 0},
		{"or where its function is called", "a() { kill -0 $(cat $P); }\nx=$(a 2>&1)\nb() { kill -HUP $(cat $P) 2>&1; }\nb | grep such\nc() { a; }\n", 0},
		{"(a message that is nobody's to read can)", "kill -0 $(cat $P) 2>&1\nkill -0 $(cat $P) | cat\nx=$(kill -0 $(cat $P) 2>/dev/null && echo y)\nx=$(kill -HUP $(cat $P) && echo y) 2>&1", 4},
		{"inside of a text", `su -c "kill $(cat $P)"`, 0},
	} {
		text := head + c.text + "\n"
		p := patchOf(&script{path: "x", text: text}, ofText(t, "x", text))
		if inPlace(p) != c.done {
			t.Errorf("%s: %d are replaced:\n%s", c.why, p.Done, p.Diff())
		}
		if strings.Contains(c.text, "head -1 $i") && !strings.Contains(p.Text(), `--pidfile "$i"`) {
			t.Errorf("%s:\n%s", c.why, p.Diff())
		}
	}
}

// inPlace counts what is replaced where the number is used, and not where it is read.
func inPlace(p Patch) int {
	if strings.Contains(p.Text(), "[ $? != 4 ]") {
		return 0
	}
	return p.Done
}
