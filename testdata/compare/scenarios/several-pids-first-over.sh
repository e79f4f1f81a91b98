#!/bin/sh
# title: several PIDs, and the first process has ended
# from: LSB 5.0, 22.4; haproxy's nbproc
# right: The others run, and are the daemon: it is not safe to start.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -pidfile /run/webd-1.pid </dev/null >/dev/null 2>&1 &
until [ -s /run/webd-1.pid ]; do kill -0 $!; sleep 0.01; done
"$WORK/webd" -daemonize -pidfile /run/webd-2.pid
two=$(cat /run/webd-2.pid)
echo "$! $two" >/run/webd.pid
rm /run/webd-[12].pid
kill -KILL $!
wait $! || [ $? = 137 ]

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
gone ONE $!
process TWO $two
status running
pids TWO
END
