#!/bin/sh
# title: another file of the daemon's name, with that name as an argument
# from: pidof -x, which looks for scripts among the arguments
# right: The daemon is no script; that program is not it.
set -eu
install "$DEMOD" "$WORK/webd"
mkdir "$WORK/other"
install "$DEMOD" "$WORK/other/webd"
"$WORK/other/webd" -daemonize -pidfile /run/away -title webd
other=$(cat /run/away)
rm /run/away

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process OTHER $other
status not-running
pids none
END
