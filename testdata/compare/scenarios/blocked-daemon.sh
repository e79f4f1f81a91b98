#!/bin/sh
# title: daemon whose own arguments cannot be read, replaced
# from: Debian #719273, #926896
# right: Its file says what it is.
set -eu
install "$ARGVD" "$WORK/webd"
"$ARGVD" -dead "$WORK/dead" >/dev/null 2>&1 &
until mountpoint -q "$WORK/dead"; do kill -0 $!; sleep 0.01; done
"$WORK/webd" -silent "$WORK/dead" -pidfile /run/webd.pid >/dev/null 2>&1 &
until [ -e /run/webd.pid ]; do kill -0 $!; sleep 0.01; done
install "$ARGVD" "$WORK/webd"
while timeout -s KILL 0.2 cat "/proc/$!/cmdline" >/dev/null; do kill -0 $!; sleep 0.01; done

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process OLD $!
status running
pids OLD
END
