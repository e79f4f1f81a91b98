#!/bin/sh
# title: pidfile is a FIFO
# from: what a daemon's user can put into its directory below /run
# right: It cannot be read without waiting for a writer who never comes.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/away
webd=$(cat /run/away)
rm /run/away
mkfifo /run/webd.pid

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process WEBD $webd
status cannot-tell
pids WEBD
END
