#!/bin/sh
# title: the daemon's user wrote the pidfile
# from: ganeti #1334, datadog-agent #5957, ndppd #56, postsrsd #93
# right: He may vouch for a process that he could have signalled himself.
set -eu
install "$DEMOD" "$WORK/webd"
install -d -o 65533 -g 65533 /run/webd
setpriv --reuid=65533 --regid=65533 --clear-groups "$WORK/webd" -daemonize -pidfile /run/webd/webd.pid

cat <<END
daemon $WORK/webd
pidfile /run/webd/webd.pid
process WEBD $(cat /run/webd/webd.pid)
status running
pids WEBD
END
