#!/bin/sh
# title: another program under the daemon's name and title
# from: LP #1546126
# right: What a process calls itself proves nothing; no pidfile names it.
set -eu
install "$DEMOD" "$WORK/webd"
install "$DEMOD" "$WORK/spoofd"
bash -c 'exec -a "$1" "$2" -daemonize -pidfile /run/away' sh "$WORK/webd" "$WORK/spoofd"
spoof=$(cat /run/away)
rm /run/away
[ "$(cat "/proc/$spoof/comm")" = webd ]

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process SPOOF $spoof
status not-running
pids none
END
