package audit

import (
	"fmt"
	"strings"
	"testing"
)

// places are "LINE kind covered", one a line.
func places(found []Finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("%d %s %s", f.Line, f.Kind, f.Covered)))
	}
	return b.String()
}

// lines has each line from the one to the other, and its kind.
func lines(from, to int, kind string) string {
	var all []string
	for ; from <= to; from++ {
		all = append(all, fmt.Sprintf("%d %s", from, kind))
	}
	return strings.Join(all, "\n")
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
		{"a command that prints nothing, for a condition", "if $(kill -0 \"$pid\" 2>/dev/null); then :; fi\n$(kill -l 9) x", "2 kill-0\n3 cannot-tell"},
		{"the directory of a pidfile", "D=/run/d\nP=d.pid\ninstall -o u -d $D\ninstall --directory $D\ncp -d /etc/one $D/$P\nstatus_of_proc -p \"$D/$P\" d",
			"6 pidfile-written"},
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
		{"pidfiles written and removed", "d & echo $! >/run/f.pid\ntouch /run/g.pid\nrm -f /run/f.pid", "2 pidfile-written\n4 pidfile-removed"},
		{"emptied", "P=/run/f.pid\n>$P\n: >$P\ntrue >|$P\ncat /dev/null >$P\necho -n >$P\nprintf '' >$P\ntruncate -s0 $P\ntruncate --size 0 $P\ndd if=/dev/null of=$P\ncp /dev/null $P\ninstall -m 644 /dev/null $P\nln -sf /dev/null $P\n" +
			"exec 3>$P\nshred -u $P\n: >>$P\n: >/run/f.sock\ncp /dev/null /run/f\ncp $P /x\ntruncate -s0 /var/log/f\ndd if=$P\nn() { pid; }; n >$P",
			lines(3, 16, "pidfile-removed")},
		{"emptied after a stop", "start-stop-daemon --stop --pidfile /run/f.pid --exec /bin/d\n: >/run/f.pid\n: >/run/g.pid", "3 pidfile-removed wrapper\n4 pidfile-removed"},
		{"removed with a directory or by a pattern that it is in", "PIDFILE=/run/f/f.pid\nrm -rf /run/f\nrm -f /run/f/*\nrm -rf /run\nrm -f /run/f/*.sock /run/f/e*\nrm -f /run/e.p*\nrm -f /run/e.[p]id\nrm -f /run/e.*\nrm -f /var/log/e.*\nfind /run/f -type f -delete\nrm -rf /run/g",
			"3 pidfile-removed\n4 pidfile-removed\n5 pidfile-removed\n7 pidfile-removed\n8 pidfile-removed\n9 pidfile-removed\n11 pidfile-removed"},
		{"written by cat", "f | cat >/run/f.pid\ncat >/run/g.pid <<E\n$p\nE", "2 pidfile-written\n3 pidfile-written"},
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
