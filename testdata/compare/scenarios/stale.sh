#!/bin/sh
# title: stale pidfile
# from: every daemon that was killed
# right: No process has the number.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -pidfile /run/webd.pid </dev/null >/dev/null 2>&1 &
until [ -s /run/webd.pid ]; do kill -0 $!; sleep 0.01; done
kill -KILL $!
wait $! || [ $? = 137 ]

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
gone OLD $!
status not-running
pids none
END
