#!/bin/sh
# title: pidfile lost, and a start asks
# from: atd, chrony, cups, keepalived, smartmontools and others of Debian, whose init scripts start a second one
# right: It runs outside every pidfile: a start would make it two, and a stop leave the first.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid
pid=$(cat /run/webd.pid)
rm /run/webd.pid

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process WEBD $pid
status unclaimed
start no
pids WEBD
END
