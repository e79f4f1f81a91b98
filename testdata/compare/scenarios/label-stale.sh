#!/bin/sh
# title: a label in place of the daemon, which has ended
# from: elasticsearch, zookeeper and prosody, whose init scripts pass status_of_proc what they like
# right: No program is called so, and nobody has the pidfile's number.
set -eu
install "$DEMOD" "$WORK/engine"
"$WORK/engine" -pidfile /run/webd.pid </dev/null >/dev/null 2>&1 &
until [ -s /run/webd.pid ]; do kill -0 $!; sleep 0.01; done
kill -KILL $!
wait $! || [ $? = 137 ]

cat <<END
daemon webd-no-program
pidfile /run/webd.pid
gone ENGINE $(cat /run/webd.pid)
status not-running
END
