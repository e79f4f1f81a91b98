#!/bin/sh
# title: several PIDs, one a line
# from: haproxy's nbproc
# right: All of them are the daemon's; whoever ends the first alone leaves the others.
set -eu
install "$DEMOD" "$WORK/webd"
for n in 1 2 3; do "$WORK/webd" -daemonize -pidfile "/run/webd-$n.pid"; done
cat /run/webd-[123].pid >/run/webd.pid
one=$(cat /run/webd-1.pid) two=$(cat /run/webd-2.pid) three=$(cat /run/webd-3.pid)
rm /run/webd-[123].pid

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process ONE $one
process TWO $two
process THREE $three
status running
pids ONE TWO THREE
END
