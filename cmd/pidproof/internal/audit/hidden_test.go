package audit

import (
	"strings"
	"testing"
)

// What hides a signal or a check in another language, on another host, for later, or behind a name that is put together
// is found, or called what cannot be told; never clean (issue 17).
func TestHidden(t *testing.T) {
	for _, text := range hiding {
		if found := ofText(t, "x", "#!/bin/bash\n"+text+"\n"); len(found) == 0 {
			t.Errorf("called clean:\n%s", text)
		}
	}
}

var hiding = []string{
	"perl -e \"kill 9, `cat /run/d.pid`\"",
	"perl -e 'kill TERM => 1234'",
	"perl -e 'print 1 if -d \"/proc/$p\"'",
	`python3 -c 'import os; os.kill(int(open("/run/d.pid").read()), 15)'`,
	"python3 <<E\nimport os\nos.kill(1, 9)\nE",
	"ruby -e 'Process.kill(:TERM, 1)'",
	`lua -e 'os.execute("killall d")'`,
	"tclsh <<E\nexec kill 1\nE",
	"expect -c 'spawn kill 1'",
	"awk 'BEGIN { system(\"kill -9 \" ARGV[1]) }' 1",
	"awk '{ print \"kill \" $1 | \"sh\" }' /run/x",
	"gdb -batch -p 1 -ex 'call kill(1,9)'",
	"vim -c '!killall d'",
	"sed 's/.*/killall d/e' /etc/hostname",
	"make -f - <<E\nall:\n\tkillall d\nE",
	"declare -n K=C\nC=killall\n$K d",
	"typeset -n K=$1\n$K -9 $pid",
	"K=ki\nK+=llall\n$K d",
	"K=${K:-killall}\n${K} d",
	"printf -v K %s killall\n$K d",
	"mapfile -t K < <(f)\n${K[0]} d",
	"x=$(printf '\\153illall')\n$x d",
	"x=$(printf %s killall)\n$x d",
	"x=$(echo llallik | rev)\n$x d",
	"x=$(echo llallik | rev)\n$x d",
	"x=$(echo jhkk | tr j-h k-i)\n$x d",
	"y=$x\nz=$(echo $y | base64 -d)\n\"$z\" d",
	"ssh root@h killall d",
	"ssh h \"kill \\$(cat /run/d.pid)\"",
	"ssh h <<E\nkillall d\nE",
	"echo killall d | at now",
	"at now <<E\nkillall d\nE",
	"batch <<<'killall d'",
	"crontab - <<E\n* * * * * killall d\nE",
	"echo 'killall d' >/run/x\n. /run/x",
	"cat >/run/x <<E\nkill $pid\nE",
	"systemctl kill d",
	"loginctl kill-user d",
	"docker kill d",
	"busctl call x /y z KillUnit sss d all 9",
	"slay d",
	"echo 1 >/sys/fs/cgroup/d/cgroup.kill",
	"echo e >/proc/sysrq-trigger",
	"env sh <<E\nkillall d\nE",
	"su - root <<E\nkillall d\nE",
	"sudo -s <<E\nkillall d\nE",
	"busybox sh <<E\nkillall d\nE",
	"cat <<E | sh\nkillall d\nE",
	"setarch x86_64 killall d",
	"chroot / killall d",
	"capsh -- -c 'killall d'",
	"${SHELL} -c 'killall d'",
	"hash -p /bin/kill true\ntrue 1234",
	"BASH_ENV=/run/x bash -c :",
}

// What looks like it and hides nothing.
func TestNothingHidden(t *testing.T) {
	for _, text := range []string{
		"perl -le 'print 1'",
		"awk '{ print $1 }' /etc/passwd",
		"python3 -c 'print(1)'",
		"echo 'you may kill -9 1234'",
		"echo 'usage: kill or killall d' >&2",
		"echo 'kill -9 1' | grep kill",
		"log_failure_msg 'could not kill 1234'",
		"cat <<E\nkill -9 1\nE",
		"echo 'killall d' >/dev/null",
		"sed -i 's/skill/kill/' /etc/x",
		"sed 's/a/e/g; s/b/c/' /etc/x",
		"grep -q 'kill -9' /etc/x",
		"systemctl restart d",
		"docker ps",
		"D=/usr/sbin\nD+=/d\n$D start",
		"$DAEMON start",
		"timeout 5 sh /etc/x",
		"sleep 5m",
		"declare -n r=OPTIONS\nd $r",
		"x=$(sed -n 's/^bin=//p' /etc/x)\n$x start",
		"n=$(echo \"$n\" | tr A-Z a-z)\n$n start",
		"n=\"invoke-rc.d $(printf %s \"$s\")\"\n$n start",
		"mail -s 'killed it' root </etc/x",
	} {
		if found := ofText(t, "x", "#!/bin/bash\n"+text+"\n"); len(found) > 0 {
			t.Errorf("%s:\n%s", strings.TrimSpace(places(found)), text)
		}
	}
}
