#!/bin/sh
# title: pidfile that everybody may write
# from: CVE-2017-11747
# right: Anybody may have written the number; nobody vouches for it.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid
chmod 666 /run/webd.pid

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process WEBD $(cat /run/webd.pid)
status cannot-tell
pids WEBD
END
