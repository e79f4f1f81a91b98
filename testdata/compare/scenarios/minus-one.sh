#!/bin/sh
# title: -1 in the pidfile
# from: kill(2), for which it means everybody
# right: It names nobody, and the daemon runs outside every pidfile.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid
webd=$(cat /run/webd.pid)
echo -1 >/run/webd.pid

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process WEBD $webd
status unclaimed
pids WEBD
END
