#!/bin/sh
# title: an ordinary user asks, and /proc hides other users' processes
# from: proc(5), hidepid=2
# right: He sees nothing, which is not the same as that nothing runs.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid
mount -o remount,hidepid=2 /proc
setpriv --reuid=65533 --regid=65533 --clear-groups test ! -e "/proc/$(cat /run/webd.pid)"

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process WEBD $(cat /run/webd.pid)
user 65533
status cannot-tell
pids cannot-tell
END
