#!/bin/sh
# title: two instances
# from: apache2's, each with its own pidfile
# right: Both run the daemon; the pidfile says which is asked about.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid
"$WORK/webd" -daemonize -pidfile /run/webd-foo.pid

cat <<END
daemon $WORK/webd
pidfile /run/webd-foo.pid
process MAIN $(cat /run/webd.pid)
process FOO $(cat /run/webd-foo.pid)
status running
pids MAIN FOO
END
