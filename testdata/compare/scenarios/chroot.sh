#!/bin/sh
# title: chroot with its own copy
# from: LP #1546126
# right: The copy is another file, whatever path it has inside.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid

jail=$WORK/jail
mkdir -p "$jail$WORK" "$jail/proc" "$jail/run"
mount --bind /proc "$jail/proc"
install "$DEMOD" "$jail$WORK/webd"
chroot "$jail" "$WORK/webd" -pidfile /run/webd.pid </dev/null >/dev/null 2>&1 &
until [ -s "$jail/run/webd.pid" ]; do kill -0 $!; sleep 0.01; done

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process HOST $(cat /run/webd.pid)
process JAIL $(cat "$jail/run/webd.pid")
status running
pids HOST
END
