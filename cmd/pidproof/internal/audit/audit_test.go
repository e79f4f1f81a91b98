package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"
)

// places are "LINE kind covered", one a line.
func places(found []Finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("%d %s %s", f.Line, f.Kind, f.Covered)))
	}
	return b.String()
}

func TestFind(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a pidfile by its name alone", "kill -HUP `cat /run/foo.pid`", "2 kill"},
		{"a pidfile by its use", "L=/run/foo\nstart-stop-daemon --stop --pidfile $L --exec /bin/d\nkill $(cat $L)", "4 kill"},
		{"read from a file", "read pid rest </run/foo.pid\nkill -0 $pid", "3 kill-0"},
		{"read from a pipe", "head -1 /run/foo.pid | while read n; do kill $n; done", "2 kill"},
		{"read behind done", "while read n; do kill $n; done </run/foo.pid", "2 kill"},
		{"read in a function", "g() { cat /run/foo.pid; }\nkill $(g)", "3 kill"},
		{"given to a function", "k() { kill -9 $1; }\nk $(pidof foo)", "2 kill\n3 pidof"},
		{"the shell's own child", "sleep 9 &\nkill $!\nc=$!\nkill $c\nkill $$", ""},
		{"a list of signals", "kill -l", ""},
		{"proven before", "p=$(pidofproc -p /run/f.pid /bin/d)\nkill $p", "3 test-then-act"},
		{"functions of the LSB, with the hook", ". /lib/lsb/init-functions\npidofproc /bin/d\npidofproc -p /run/f.pid /bin/d", "3 pidofproc hook"},
		{"and without", "pidofproc /bin/d", "2 pidofproc"},
		{"Red Hat's functions, which look for a number in /proc", ". /etc/rc.d/init.d/functions\nkillproc d\nkillproc -p /run/f.pid d -HUP\nstatus d\nstatus -p /run/f.pid d\n" +
			"pidofproc -p /run/f.pid d\ncheckpid $pid\ndaemon d\nkill $(pidofproc -p /run/f.pid d)", "3 kill\n4 kill\n5 pidofproc\n6 proc\n7 pidofproc\n8 proc\n10 kill\n10 pidofproc"},
		{"and its own of their names", ". /etc/init.d/functions\nstatus() { :; }\nstatus d", ""},
		{"SUSE's, which look for a file", ". /etc/rc.status\ncheckproc /bin/d\ncheckproc -p /run/f.pid /bin/d\nkillproc -TERM /bin/d\nkillproc -p /run/f.pid -HUP /bin/d\nstartproc /bin/d",
			"3 pidofproc\n5 pidofproc"},
		{"one of its own of that name", "pidofproc() { :; }\npidofproc x", ""},
		{"procfs", "[ -d /proc/$pid ]\n[ -d /proc/sys/net ]\nls /proc/self\nfor d in /proc/[0-9]*; do :; done\ncat /proc/$$/stat", "2 proc\n5 proc"},
		{"what init is", "[ -d /proc/1 ]\nreadlink /proc/1/exe\nps -o comm= -p 1\nps --no-headers -o comm 1\n[ -d /proc/12 ]\nps -p 11", "6 proc\n7 ps"},
		{"procfs as a directory of numbers", "find /proc -maxdepth 1 -name \"$p\"\nls /proc/ | grep -qw $p\ncd /proc && [ -d $p ]\nmount -t proc proc /proc\nmountpoint -q /proc\n[ -d /proc ]\nfind /proc/net -type f",
			"2 proc\n3 proc\n4 proc"},
		{"written into procfs", "echo -1000 >/proc/$pid/oom_score_adj\necho -17 >/proc/self/oom_adj\necho 1 >/proc/sys/x", "2 proc"},
		{"waited for by other programs", "tail --pid=$pid -f /dev/null\ntail -f --pid $(cat /run/f.pid) /x\nd & tail --pid=$! -f /x\npidwait d\nwaitpid $pid", "2 wait-loop\n3 wait-loop\n5 pgrep\n6 wait-loop"},
		{"seen by other programs", "pstree | grep d\npstree\ntop -b -n1 | grep d\nss -ltnp | grep d\nnetstat -tulpen | grep d\nnetstat -tln | grep d\nnetstat -tulpen", "2 ps\n4 ps\n5 fuser\n6 fuser"},
		{"in bash's test", "[[ -e /proc/$pid/exe ]]", "2 proc"},
		{"stopped by a name", "start-stop-daemon -K -n foo\nstart-stop-daemon --stop --pidfile /run/f.pid --name foo\nstart-stop-daemon -Kqp /run/f.pid\n" +
			"start-stop-daemon --stop --user u\nstart-stop-daemon --stop --exec /bin/d\nstart-stop-daemon --start --name foo",
			"2 start-stop-daemon-name\n4 start-stop-daemon-pidfile wrapper\n5 start-stop-daemon-name"},
		{"its options in a variable", "O='--pidfile /run/f.pid --exec /bin/d'\nstart-stop-daemon --stop $O\nstart-stop-daemon --stop $UNKNOWN", ""},
		{"OpenRC's signal, without --stop", "start-stop-daemon --signal HUP --pidfile /run/f.pid\nstart-stop-daemon -s HUP -n foo\nstart-stop-daemon --start --exec /bin/d --signal HUP",
			"2 start-stop-daemon-pidfile wrapper\n3 start-stop-daemon-name"},
		{"by a number, as patroni's and tor's scripts have it", "start-stop-daemon --stop --pid $CHILDPID\nstart-stop-daemon -T --pid \"$pid\"\nstart-stop-daemon --stop --pid=1234 --exec /bin/d\n" +
			"d & start-stop-daemon --stop --pid $!\nstart-stop-daemon --stop --ppid 1234\nO=\"--pid $pid\"; start-stop-daemon -K $O", "2 kill\n3 kill-0\n6 start-stop-daemon-name\n7 kill"},
		{"where the wrapper is not", "busybox start-stop-daemon -K -p /run/f.pid\nchroot /x start-stop-daemon -K -p /run/f.pid\nenv X=1 start-stop-daemon -K -p /run/f.pid\nretry 3 start-stop-daemon -K -n d",
			"2 start-stop-daemon-pidfile\n3 start-stop-daemon-pidfile\n4 start-stop-daemon-pidfile wrapper\n5 start-stop-daemon-name"},
		{"a long name", "start-stop-daemon --stop --pidfile /run/f.pid --name sixteen-letters-x", "2 start-stop-daemon-name wrapper"},
		{"loops", "while kill -0 $pid; do sleep 1; done\nwhile [ ! -f /run/f.pid ]; do sleep 1; done\nrunning() { pidof d; }\nuntil ! running; do sleep 1; done",
			"2 kill-0\n2 wait-loop\n4 pidof\n5 wait-loop"},
		{"a loop over instances", "for i in a b; do while kill -0 $(cat /run/$i.pid); do sleep 1; done; done", "2 kill-0\n2 wait-loop"},
		{"pidfiles written and removed", "d & echo $! >/run/f.pid\n: >/run/g.pid\nrm -f /run/f.pid", "2 pidfile-written\n4 pidfile-removed"},
		{"removed after what stops nothing", "start-stop-daemon --stop --signal HUP --exec /bin/d\nstart-stop-daemon -K -t -x /bin/d\nrm /run/f.pid", "4 pidfile-removed"},
		{"removed after a stop", "start-stop-daemon --stop --exec /bin/d\nrm /run/f.pid", "3 pidfile-removed wrapper"},
		{"removed after a stop of another's, in another arm, and after a signal that is no stop", ". /lib/lsb/init-functions\nstart-stop-daemon --stop --pidfile /run/e.pid --exec /bin/e\nrm /run/f.pid\n" +
			"a() { case $1 in stop) start-stop-daemon --stop --exec /bin/d;; x) rm /run/f.pid;; esac; }\nb() { killproc -p /run/f.pid /bin/d -HUP; rm /run/f.pid; }\nc() { killproc -p /run/f.pid /bin/d; rm /run/f.pid; }\n" +
			"d() { killproc -p /run/f.pid /bin/d USR1; rm /run/f.pid; }\ne() { killproc /bin/d -TERM; rm /run/f.pid; }\nf() { start-stop-daemon --stop -p $P -x /bin/d; rm /run/f.pid; }\ng() { killproc -p /run/f.pid /bin/d 9; rm /run/f.pid; }",
			"4 pidfile-removed\n5 pidfile-removed\n6 pidfile-removed\n7 pidfile-removed hook\n8 pidfile-removed\n9 pidfile-removed hook\n10 pidfile-removed wrapper\n11 pidfile-removed hook"},
		{"anybody's directory", "PIDFILE=/tmp/f.pid\nkill $(cat $PIDFILE)", "2 pidfile-writable\n3 kill"},
		{"with another program before it", "env -i X=1 kill -9 $pid\ntimeout 5 killall d\nnice -n 5 pkill d\nchrt -p 1 $pid", "2 kill\n3 killall\n4 pkill"},
		{"in another shell", `su -s /bin/sh -c "kill -15 $PID" u` + "\nsh -c 'killall d'\ntrap 'kill $pid' EXIT", "2 kill\n3 killall\n4 kill"},
		{"in words of its own", "k''ill -9 $pid\n\"ki\"ll -9 $pid\nK='kill -9'; $K $pid\nalias z=pkill\nz d", "2 kill\n3 kill\n4 kill\n6 pkill"},
		{"not to be told", "eval \"$(decode)\"\nx=$(decode); $x -9 $pid\n$DAEMON --pid /run/f.pid", "2 cannot-tell\n3 cannot-tell"},
		{"what comes in is a script", "sh <<E\nkillall d\nE\necho killall d | bash -s\n. /dev/stdin\nsource <(f)\nsh -x", "2 cannot-tell\n5 cannot-tell\n6 cannot-tell\n7 cannot-tell\n8 cannot-tell"},
		{"a shell with a script", "sh /usr/share/x\nbash -e x.sh y", ""},
		{"a name that a pattern or an escape makes", "/bin/k?ll -9 $pid\n$'\\x6bill' -9 $pid\n[ -n \"$pid\" ]", "2 cannot-tell\n3 cannot-tell"},
		{"by other programs", "strace -f kill $pid\nfind /run -name '*.pid' -exec kill {} +\nstart-stop-daemon --start --exec /bin/killall -- d\nflock /run/l -c 'pkill d'\nbash -c -- 'pkill d'",
			"2 kill\n3 kill\n4 killall\n5 pkill\n6 pkill"},
		{"as arguments of the script and of its functions", "set -- killall d\n\"$@\"\nf() { shift; \"$@\"; }\nf x killall d\ng() { $2 $3; }\ng x pkill d\ng kill", "2 killall\n5 killall\n7 pkill"},
		{"by one of its own of that name", "kill() { command kill \"$@\"; }\nkill -9 $pid", "2 kill"},
		{"a number that is written down, or from anywhere", "kill 1234\nkill -9 $(cat /run/d)\nkill -9 `f`\nkill 0\nkill -TERM $(jobs -p)", "2 kill\n3 kill\n4 kill"},
		{"a name that a variable is given where it is used", ": ${K:=killall}\n$K d\n: \"${PF=/run/f.pid}\"\nkill -0 $(cat $PF)\n: ${L:=logger}\n$L d", "3 killall\n5 kill-0"},
		{"by the name of another variable", "a=kill b=a\n${!b} -9 $pid\n${!c} d\necho ${!b}", "3 kill"},
		{"by a variable whose name says what it is", ". /etc/sysconfig/d\n$KILLALL d\n\"${PIDOF_BIN}\" d\n$KILLER d\n$kill_log d\nKILL=logger\n$KILL d", "3 cannot-tell\n4 cannot-tell"},
		{"written by others", "d & echo $! | tee /run/f.pid\necho x | tee -a $PIDFILE >/dev/null\necho x | tee /var/log/d", "2 pidfile-written\n3 pidfile-written"},
		{"removed by others, and from where it is", "cd /run && rm -f f.pid\n(cd /run/d; rm -f *.pid)\nfind /run/d -name '*.pid' -delete\nfind /run/d -name f.pid -exec rm -f {} +\nfind /run/d -name '*.pid' -print\n" +
			"find /run/d -name '*.sock' -delete\nmv /run/f.pid /run/f.old\nmv /run/f.old /run/f.pid\nrm -f rapid stupid\nmv -f $PIDFILE /x", "2 pidfile-removed\n3 pidfile-removed\n4 pidfile-removed\n5 pidfile-removed\n8 pidfile-removed\n11 pidfile-removed"},
		{"loops that wait for the end of a pidfile", "until [ ! -f /run/f.pid ]; do sleep 1; done\nuntil [ -f /run/f.pid ]; do sleep 1; done\nwhile [ ! -f /run/f.pid ]; do sleep 1; done\nwhile ! [ -f /run/f.pid ]; do sleep 1; done\n" +
			"until ! test -s /run/f.pid; do sleep 1; done\nuntil [ \"$n\" = 0 ] || ! [ -e \"$PIDFILE\" ]; do sleep 1; done", "2 wait-loop\n6 wait-loop\n7 wait-loop"},
		{"bash's test in a loop", "while [[ -f $PIDFILE ]]; do sleep 1; done\nwhile [[ -e /proc/$pid && $n -gt 0 ]]; do sleep 1; done\nwhile [[ ! -f $PIDFILE ]]; do sleep 1; done\nuntil [[ ! -f $PIDFILE ]]; do sleep 1; done\nuntil [[ -f $PIDFILE ]]; do sleep 1; done",
			"2 wait-loop\n3 proc\n3 wait-loop\n5 wait-loop"},
		{"a name that a variable is made longer with", "K=kill; K=\"${K}all\"\n$K d\nP=/pro; P=${P}c\n[ -d \"$P/$(cat /run/f.pid)\" ]\nL=log L=${L}ger\n$L d", "3 killall\n5 proc"},
		{"a name that a function of the script prints", "c() { echo killall; }\n$(c) d\nl() { echo logger; }\n$(l) d", "3 cannot-tell"},
		{"for another program's directory, with a name like a log's", "cat >/etc/logrotate.d/f <<E\nkill -USR1 \\`cat /run/f.pid\\`\nE\necho 'kill -9 1' >>/var/log/f\necho 'kill -9 1' >>$LOGFILE", "2 cannot-tell"},
		{"another shell's child", "p=$(su -c 'd & echo $!' u)\nkill $p\nq=`d >/dev/null & echo $!`\nkill -0 $q\ns() { d & echo $!; }\nr=$(s)\nkill -9 $r\nd & t=$(echo $!)\nkill $t", "3 kill\n5 kill-0\n8 kill"},
		{"an alias or a function of its name that may not be there", "alias killall=true; unalias killall; killall d\nif false; then pkill() { :; }; fi; pkill d\n( pgrep() { :; } ); pgrep d\npidof() { :; }; unset -f pidof; pidof d\nfuser() { :; }; fuser 80/tcp",
			"2 killall\n3 pkill\n4 pgrep\n5 pidof"},
		{"a name that a pattern makes, in a loop", "for k in /usr/bin/killal?; do $k d; done\nfor s in /etc/d.d/*; do $s d; done\nfor s in /etc/rc6.d/K??*; do $s stop; done", "2 cannot-tell"},
		{"a name with an escape", "$'kill\\x61ll' d\necho $'kill\\x61ll'", "2 cannot-tell"},
		{"searched in a directory of that name", "find /var/cache/pid -name x -delete\nfind $PIDFILE -delete\nfind /run -name \\*.pid -exec unlink {} \\;", "3 pidfile-removed\n4 pidfile-removed"},
		{"a child's number kept under any name", "d & echo $! >/opt/d/d.lock\nprintf '%s\\n' \"$!\" >/opt/d/run\necho $! >/sys/fs/cgroup/d/cgroup.procs\necho started $! >/var/log/d\necho $$ >/run/lock/x\necho $! >&2\necho \"child $!\" >/tmp/message", "2 pidfile-written\n3 pidfile-written"},
		{"removed by a pattern, and by xargs", "rm -f $RUNDIR/f.pid*\nls /run/*.pid | xargs rm\nfind /run -name '*.pid' -print0 | xargs -0 rm -f\nls /run/*.sock | xargs rm\ncat /run/f.pid | grep 1", "2 pidfile-removed\n3 pidfile-removed\n4 pidfile-removed"},
		{"another name for what which has found", "cp \"$(which kill)\" /tmp/x\nln -s `command -v pkill` /tmp/y\ncp \"$(which d)\" /tmp/z\ncp kill /x", "2 cannot-tell\n3 cannot-tell"},
		{"whether it is there", "command -v pkill >/dev/null\nif command -V pidof; then :; fi\nwhich killall pkill >/dev/null\ntype pkill pgrep\ncommand -p pkill d", "6 pkill"},
		{"Java's ps", "jps -l | grep -q d\njps", "2 ps"},
		{"what comes in, by its other name", ". /proc/self/fd/0\nsh /proc/self/fd/3", "2 cannot-tell\n3 cannot-tell"},
		{"pidproof with the old way behind it", "if command -v pidproof >/dev/null; then pidproof killproc d; else killall d; fi", ""},
		{"what only looks like a question for pidproof", "if [ -x /nowhere/pidproof ]; then :; else killall a; fi\nif [ -x /tmp/x -a -f /pidproof ]; then :; else killall b; fi\nif command -v pidproof >/dev/null </nowhere; then :; else killall c; fi\n" +
			"if PATH=/ command -v pidproof; then :; else killall d; fi\nif [ -x /usr/bin/pidproof ]; then :; else killall e; fi", "2 killall\n3 killall\n4 killall\n5 killall"},
		{"a pidproof of its own", "pidproof() { false; }\nif command -v pidproof >/dev/null; then :; else killall d; fi", "3 killall"},
		{"comments and texts", "# kill -9 $pid\ncat <<E\nkill -9 $pid\nE\necho 'kill $pid'", ""},
	} {
		want := c.want
		if want != "" {
			want += "\n"
		}
		for _, shell := range []string{"sh", "bash"} {
			if got := places(ofText(t, "x", "#!/bin/"+shell+"\n"+c.text+"\n")); got != want {
				t.Errorf("%s, by %s:\n%s\ngot\n%swant\n%s", c.name, shell, c.text, got, want)
			}
		}
	}
}

// logrotate's scripts and cron's commands are shell inside of other files.
func TestSections(t *testing.T) {
	rotation := "/var/log/f {\n  weekly\n  postrotate\n    kill -HUP `cat /run/f.pid`\n  endscript\n}\n/x {\n prerotate\n killall f\n endscript\n}\n"
	if got := places(ofText(t, "/etc/logrotate.d/f", rotation)); got != "4 kill\n9 killall\n" {
		t.Errorf("of logrotate: %q", got)
	}
	// logrotate takes a word for one wherever it ends, and what is behind it for the script's first line.
	for text, want := range map[string]string{
		"/x { postrotate\n killall f\n endscript }\n":                                    "2 killall\n",
		"/x {\n postrotate # now\n killall f\n endscript # then\n}\n/y {\n nothing\n}\n": "3 killall\n",
		"/x {\n postrotate killall f\n endscript\n}\n":                                   "2 killall\n",
		"/x {\n # no postrotate\n killall f\n}\n":                                        "",
		"/x { weekly\n sharedscripts postrotate\n killall f\n\tendscript\n}\n":           "3 killall\n",
	} {
		if got := places(ofText(t, "/etc/logrotate.d/f", text)); got != want {
			t.Errorf("of logrotate: %q: %q", text, got)
		}
	}
	// What is behind a % is what the command reads.
	if got := places(ofText(t, "/etc/cron.d/f", "* * * * * root sh%killall f\n* * * * * root date +\\%s; killall f\n* * * * * root cat%killall f\n")); got != "1 cannot-tell\n2 killall\n" {
		t.Errorf("of cron: %q", got)
	}
	tab := "# m h dom mon dow user command\nSHELL=/bin/sh\n5 * * * * root kill -HUP $(cat /run/f.pid)\n@daily root killall f\n\n"
	if got := places(ofText(t, "/etc/cron.d/f", tab)); got != "3 kill\n4 killall\n" {
		t.Errorf("of cron: %q", got)
	}
}

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

// Scripts inside of other files are not at the bytes that the parser has.
func TestSectionsAreNotReplaced(t *testing.T) {
	tab := "# something before it\n5 * * * * root DAEMON=/bin/d; kill $(cat /run/d.pid)\n"
	found := ofText(t, "/etc/cron.d/f", tab)
	if p := patchOf(&script{path: "x", text: tab}, found); p.Done != 0 || len(found) != 1 {
		t.Errorf("%d found, patched:\n%s", len(found), p.Diff())
	}
}

// A patch is applied in the root directory, and its lines are nobody's to choose by a name.
func TestDiffNames(t *testing.T) {
	const text = "#!/bin/sh\nDAEMON=/bin/d\nkill $(cat /run/d.pid)\n"
	dir := t.TempDir()
	t.Chdir(dir)
	for name, done := range map[string]int{"plain": 1, "with blanks in it": 1, "x\n+++ b": 0, "x\x1b[2J": 0} {
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		p, _, _, err := one(name)
		if err != nil || p.Done != done {
			t.Errorf("%q: %d, %v\n%s", name, p.Done, err, p.Diff())
		}
		if done == 0 {
			continue
		}
		cmd := exec.Command("patch", "-s", "-p1", "-d", "/")
		cmd.Stdin = strings.NewReader(p.Diff())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, p.Diff())
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != p.Text() {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A link has mode 0777, with which a backup was made; and what was changed meanwhile is kept.
func TestWriteRefuses(t *testing.T) {
	const text = "#!/bin/sh\nDAEMON=/bin/d\nkill $(cat /run/d.pid)\n"
	for why, between := range map[string]func(path string) error{
		"symbolic link": func(path string) error {
			return errors.Join(os.Rename(path, path+".d"), os.Symlink(path+".d", path))
		},
		"has changed":  func(path string) error { return os.WriteFile(path, []byte(text+"# mine\n"), 0o755) },
		"regular file": func(path string) error { return errors.Join(os.Remove(path), unix.Mkfifo(path, 0o644)) },
	} {
		path := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		p, _, _, err := one(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := between(path); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write(); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
		if _, err := os.Lstat(path + "~"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a backup was left: %v", why, err)
		}
	}
}

// A package's file by its other name: dpkg has /bin/cat, and /bin is a link to /usr/bin.
func TestPackagedAs(t *testing.T) {
	if _, err := os.Stat(infoDir + "/coreutils.list"); err != nil {
		return // no Debian
	}
	link := filepath.Join(t.TempDir(), "bin")
	if err := os.Symlink("/usr/bin", link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/bin/cat", "/usr/bin/cat", link + "/cat"} {
		if err := writableByDpkg(path); err == nil || !strings.Contains(err.Error(), "coreutils") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := writableByDpkg("/usr/bin/nobodys"); err != nil {
		t.Error(err)
	}
}

// The diff is one that patch(1) takes, also without a last newline and with changes far apart
// and near to each other.
func TestDiffApplies(t *testing.T) {
	const kill = "\tkill -HUP $(cat /run/d.pid)\n"
	far := strings.Repeat("\ttrue\n", 9)
	for _, body := range []string{kill, kill + kill, kill + far + kill + "\ttrue\n" + kill, far + strings.TrimSuffix(kill, "\n")} {
		text := "#!/bin/sh\nDAEMON=/bin/d\n" + body
		path := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		p := patchOf(&script{path: path, text: text}, ofText(t, path, text))
		cmd := exec.Command("patch", "-s", "-p1", "-d", "/")
		cmd.Stdin = strings.NewReader(p.Diff())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, p.Diff())
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != p.Text() || p.Done == 0 {
			t.Errorf("patch made %q of it, %v, want %q", got, err, p.Text())
		}
	}
}

// What doubles with each line, or each time that it is read again: without a limit, these
// would take for ever.
func TestBombs(t *testing.T) {
	var doubling strings.Builder
	doubling.WriteString("v0=$(cat /run/d.pid)\n")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&doubling, "v%d=\"$v%d$v%[2]d$(echo $v%[2]d)\"\n", i, i-1)
	}
	doubling.WriteString("kill $v59\n$v59 $v59\n")
	for _, text := range []string{
		doubling.String(),
		"alias a='" + strings.Repeat("a;", 100) + "'\na",
		"X='" + strings.Repeat(`sh -c "$X";`, 100) + "'\nsh -c \"$X\"",
	} {
		done := make(chan string, 1)
		go func() { done <- places(ofText(t, "x", "#!/bin/sh\n"+text+"\n")) }()
		select {
		case got := <-done:
			if !strings.Contains(got, string(CannotTell)) {
				t.Errorf("nothing is said of it: %q", got)
			}
		case <-time.After(5 * time.Minute):
			t.Fatalf("it takes for ever: %.60s", text)
		}
	}
}

// What a script reads is a part of it: openvswitch's have their signals in /usr/share/openvswitch/scripts/ovs-lib.
func TestSourcedPlaces(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	deeper := write("deeper", "#!/bin/sh\nDAEMON=/bin/d\nend() { kill $(cat /run/d.pid); }\n")
	lib := write("lib", ". "+deeper+"\nquiet=1\n")
	script := write("script", "#!/bin/sh\nD="+dir+"\n. $D/lib\n. "+lib+"\n. $D/nowhere\n. /dev/null\nend\n")
	r := Audit(Meant([]string{script}))
	if len(r.Findings) != 1 || r.Findings[0].Path != deeper || r.Findings[0].Line != 3 || len(r.Patches) != 0 || r.Files != 2 || len(r.Unread) != 0 {
		t.Errorf("found %+v, %d patches, %d files, %v", r.Findings, len(r.Patches), r.Files, r.Unread)
	}
	if r := Audit(Meant([]string{deeper, script})); len(r.Findings) != 1 {
		t.Errorf("twice: %+v", r.Findings)
	}
}

// Files that read each other with ".": a thousand lines each would be a thousand million.
func TestSourcedOnce(t *testing.T) {
	dir := t.TempDir()
	for from, to := range map[string]string{"a": "b", "b": "c", "c": "d", "d": "b"} {
		text := "#!/bin/sh\n" + strings.Repeat(". "+filepath.Join(dir, to)+"\n", 1000)
		if err := os.WriteFile(filepath.Join(dir, from), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s, err := load(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]int{}
	by := sourcedBy(s.path)
	look(s, func(path string) *script { read[path]++; return by(path) })
	for path, n := range read {
		if n > 1 {
			t.Fatalf("%s is read %d times", path, n)
		}
	}
}

// A place of a script is in none of the functions of a file that it reads, and in the
// innermost of its own.
func TestInside(t *testing.T) {
	s, err := parse("x", "#!/bin/sh\n. /other\na() { b() { kill $x; }; kill $y; }\nkill $z\n")
	if err != nil {
		t.Fatal(err)
	}
	other, err := parse("y", "#!/bin/sh\nc() { :; "+strings.Repeat("\n", 200)+"}\n")
	if err != nil {
		t.Fatal(err)
	}
	src := look(s, func(string) *script { return other })
	var got []string
	for _, name := range []string{"x", "y", "z"} {
		syntax.Walk(s.files[0], func(n syntax.Node) bool {
			if p, is := n.(*syntax.ParamExp); is && p.Param.Value == name {
				got = append(got, src.inside(p))
			}
			return true
		})
	}
	if strings.Join(got, ",") != "b,a," {
		t.Errorf("they are in %q", got)
	}
}

// dpkg's word on whose a file is, on this very host.
func TestWritableByDpkg(t *testing.T) {
	conffiles, err := filepath.Glob(infoDir + "/*.conffiles")
	if err != nil || len(conffiles) == 0 {
		t.Skip("no dpkg on this host")
	}
	content, err := os.ReadFile(conffiles[0])
	if err != nil {
		t.Fatal(err)
	}
	var conffile string
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(line); len(fields) == 1 {
			conffile = fields[0]
		}
	}
	if err := writableByDpkg(conffile); err != nil {
		t.Errorf("a conffile: %v", err)
	}
	if err := writableByDpkg("/usr/bin/dpkg"); err == nil || !strings.Contains(err.Error(), "it is package dpkg's, and no conffile") {
		t.Errorf("dpkg itself: %v", err)
	}
	if err := writableByDpkg(infoDir + "/x.postinst"); err == nil {
		t.Error("a maintainer script could be written")
	}
	if err := writableByDpkg(filepath.Join(t.TempDir(), "own")); err != nil {
		t.Errorf("nobody's file: %v", err)
	}
}

// The page has each kind, in the order of a report, which is worst first.
func TestKindsOnThePage(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/pidproof-audit.8")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), ".Ss Kinds")
	text, _, _ = strings.Cut(text, ".Ss ")
	var listed, want []string
	for _, m := range regexp.MustCompile(`(?m)^\.It Cm (\S+)$`).FindAllStringSubmatch(text, -1) {
		listed = append(listed, m[1])
	}
	for _, a := range kinds {
		want = append(want, string(a.kind))
	}
	if strings.Join(listed, " ") != strings.Join(want, " ") {
		t.Errorf("the page has\n%s\nthere are\n%s", listed, want)
	}
}

// FuzzAudit: whatever a file holds, it is read or refused, each place is in the file, and what
// is patched is shell again.
func FuzzAudit(f *testing.F) {
	scripts, _ := labelled(f)
	for _, text := range scripts {
		f.Add("/etc/init.d/x", text)
	}
	f.Add("/etc/logrotate.d/x", "postrotate\nkill $(cat /run/x.pid)\nendscript\n")
	f.Add("/etc/cron.d/x", "* * * * * root kill $(cat /run/x.pid)\n")
	f.Add("/etc/init.d/x", "#!/bin/sh\nalias a=a\na\nf() { f $1; }\nf $1\neval eval eval $x\nv=$v\nkill $v")
	f.Fuzz(func(t *testing.T, path, text string) {
		s, err := parse(path, text)
		if err != nil {
			return
		}
		src := look(s, nil)
		found := src.supply(find(src))
		for _, place := range found {
			if place.Line < 1 || place.Line > strings.Count(text, "\n")+1 {
				t.Fatalf("a place at line %d of %q", place.Line, text)
			}
		}
		p := patchOf(s, found)
		if _, err := parse(path, p.Text()); err != nil && p.Done > 0 {
			t.Fatalf("patched: %v\n%s", err, p.Diff())
		}
	})
}

// A link is followed, a FIFO is not waited for.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mkfifo", filepath.Join(dir, "fifo")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := load(filepath.Join(dir, "fifo")); !errors.Is(err, ErrNoShell) {
		t.Errorf("a FIFO: %v", err)
	}
	if _, err := parse("x", "#!/usr/bin/python3\n"); !errors.Is(err, ErrNoShell) {
		t.Errorf("python: %v", err)
	}
	if _, err := parse("x", "#!/bin/sh\necho \"\n"); err == nil || errors.Is(err, ErrNoShell) {
		t.Errorf("unbalanced quotes: %v", err)
	}
	if found := ofText(t, "x", "#!/bin/sh\n# M\xfcller\nkillall d\n"); places(found) != "3 killall\n" {
		t.Errorf("Latin-1: %v", found)
	}
}

// Which shell reads a file: by its first line, or, where execve(2) knows none, the caller's own.
func TestShellOf(t *testing.T) {
	for line, is := range map[string]bool{
		"#!/usr/bin/env -S bash -e": true, "#! /bin/busybox ash": true, "#!/bin/bash-static": true, "#!/usr/bin/ksh93": true, "#!/usr/bin/with-contenv sh": true, "#!/bin/oksh": true, "#!/bin/lksh": true, "#!/bin/rksh93": true, "#!/usr/bin/pdksh": true, "#!/bin/hush": true,
		"#!/usr/bin/perl -w": false, "#!/usr/bin/env python3": false, "#!/bin/tcsh -f": false,
	} {
		if _, got := shellOf(line + "\nkill 1\n"); got != is {
			t.Errorf("%s: %v", line, got)
		}
	}
	path := filepath.Join(t.TempDir(), "without")
	for mode, want := range map[fs.FileMode]int{0o755: 1, 0o644: 0} {
		if err := errors.Join(os.WriteFile(path, []byte("# an old script\nkill $pid\n"), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		r := Audit(Meant([]string{path}))
		if len(r.Findings) != want || want > 0 && r.Findings[0].Line != 2 {
			t.Errorf("mode %o: %+v", mode, r.Findings)
		}
	}
}

// A file that gives nothing is given up: the kernel's messages, which may be a script's to read with ".".
func TestReadEnds(t *testing.T) {
	t.Parallel()
	done := make(chan bool)
	go func() { Audit(Meant([]string{"/proc/kmsg"})); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * readTime):
		t.Fatal("/proc/kmsg is read for ever")
	}
}
