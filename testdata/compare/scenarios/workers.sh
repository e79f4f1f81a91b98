#!/bin/sh
# title: main process with workers
# from: apache2, nginx
# right: The workers run the daemon, too, and are accounted for.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid -workers 2
main=$(cat /run/webd.pid)
workers=$(grep -l "^PPid:[[:space:]]*$main\$" /proc/[0-9]*/status | cut -d/ -f3)
first=${workers%%[!0-9]*}
second=${workers##*[!0-9]}
[ "$first" != "$second" ]

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process MAIN $main
process FIRST $first
process SECOND $second
status running
pids MAIN FIRST SECOND
END
