#!/bin/sh
# title: a label in place of the daemon
# from: elasticsearch, zookeeper and prosody, whose init scripts pass status_of_proc what they like
# right: No program is called so; the pidfile's number lives, and has not changed hands.
set -eu
install "$DEMOD" "$WORK/engine"
"$WORK/engine" -daemonize -pidfile /run/webd.pid

cat <<END
daemon webd-no-program
pidfile /run/webd.pid
process ENGINE $(cat /run/webd.pid)
status running
END
