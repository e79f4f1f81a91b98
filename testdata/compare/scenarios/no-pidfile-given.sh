#!/bin/sh
# title: no pidfile given, and the daemon's has another name
# from: Debian's cron, which writes crond.pid
# right: One trusted pidfile names the daemon, and is meant.
set -eu
install "$DEMOD" "$WORK/web"
"$WORK/web" -daemonize -pidfile /run/webd.pid

cat <<END
daemon $WORK/web
pidfile none
process WEB $(cat /run/webd.pid)
status running
pids WEB
END
