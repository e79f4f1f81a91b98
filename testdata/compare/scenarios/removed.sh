#!/bin/sh
# title: file removed
# from: a package that was removed, and its daemon not stopped
# right: It runs, and has to be stopped.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid
old=$(cat /run/webd.pid)
rm "$WORK/webd"

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process OLD $old
status running
pids OLD
END
