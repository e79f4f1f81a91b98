#!/bin/sh
# title: the pidfile names a wrapper that stays
# from: su, runuser, flock, a shell that waits, mariadbd-safe
# right: Its child is the daemon, and is meant.
set -eu
install "$DEMOD" "$WORK/webd"
sh -c 'echo $$ >/run/webd.pid; "$1" -pidfile /run/child.pid & wait' sh "$WORK/webd" </dev/null >/dev/null 2>&1 &
until [ -s /run/child.pid ]; do kill -0 $!; sleep 0.01; done
child=$(cat /run/child.pid)
rm /run/child.pid

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process WRAPPER $(cat /run/webd.pid)
process DAEMON $child
status running
pids DAEMON
END
