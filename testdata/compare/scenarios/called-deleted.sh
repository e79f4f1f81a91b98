#!/bin/sh
# title: binary really called "x (deleted)"
# from: proc(5), where a removed file looks like this
# right: It is asked about by this name, and there is an x, too.
set -eu
install "$DEMOD" "$WORK/x"
daemon="$WORK/x (deleted)"
install "$DEMOD" "$daemon"
"$daemon" -daemonize -pidfile /run/x.pid

cat <<END
daemon $WORK/x (deleted)
pidfile /run/x.pid
process X $(cat /run/x.pid)
status running
pids X
END
