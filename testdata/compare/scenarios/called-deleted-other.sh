#!/bin/sh
# title: binary really called "x (deleted)", and x is asked about
# from: proc(5), where a removed file looks like this
# right: They are two programs; x does not run, and the number was another's.
set -eu
install "$DEMOD" "$WORK/x"
daemon="$WORK/x (deleted)"
install "$DEMOD" "$daemon"
"$daemon" -daemonize -pidfile /run/x.pid
touch -d '-1 hour' /run/x.pid

cat <<END
daemon $WORK/x
pidfile /run/x.pid
process OTHER $(cat /run/x.pid)
status not-running
pids none
END
