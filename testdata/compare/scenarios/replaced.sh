#!/bin/sh
# title: replaced by an upgrade
# from: Debian #868861
# right: It goes on with the old file, and is the daemon until it is restarted.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid
old=$(cat /run/webd.pid)
install "$DEMOD" "$WORK/webd" # removes the old file first, as dpkg's rename does
[ "$(readlink "/proc/$old/exe")" = "$WORK/webd (deleted)" ]

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process OLD $old
status running
pids OLD
END
