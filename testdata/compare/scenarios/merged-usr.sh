#!/bin/sh
# title: path through a directory link, replaced
# from: merged /usr, where /sbin is a link to usr/sbin
# right: The file is the same, whichever way leads to it.
set -eu
mkdir -p "$WORK/usr/sbin"
ln -s usr/sbin "$WORK/sbin"
install "$DEMOD" "$WORK/usr/sbin/webd"
"$WORK/sbin/webd" -daemonize -pidfile /run/webd.pid
old=$(cat /run/webd.pid)
install "$DEMOD" "$WORK/usr/sbin/webd"
[ "$(readlink "/proc/$old/exe")" = "$WORK/usr/sbin/webd (deleted)" ]

cat <<END
daemon $WORK/sbin/webd
pidfile /run/webd.pid
process OLD $old
status running
pids OLD
END
