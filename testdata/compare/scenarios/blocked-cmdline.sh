#!/bin/sh
# title: another process whose arguments cannot be read
# from: Debian #719273, #926896
# right: Who reads its cmdline waits for ever; that must not keep anybody from finding the daemon.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid
"$ARGVD" -dead "$WORK/dead" >/dev/null 2>&1 &
until mountpoint -q "$WORK/dead"; do kill -0 $!; sleep 0.01; done
install "$ARGVD" "$WORK/silentd"
"$WORK/silentd" -silent "$WORK/dead" -pidfile /run/silentd.pid >/dev/null 2>&1 &
until [ -e /run/silentd.pid ]; do kill -0 $!; sleep 0.01; done
while timeout -s KILL 0.2 cat "/proc/$!/cmdline" >/dev/null; do kill -0 $!; sleep 0.01; done

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process WEBD $(cat /run/webd.pid)
process SILENT $!
status running
pids WEBD
END
