#!/bin/sh
# title: a user starts the daemon below a recycled number
# from: whoever may run the daemon's program
# right: The number was passed on to a shell of his; what he starts is not the instance's.
set -eu
install "$DEMOD" "$WORK/webd"
chmod 755 "$WORK" "$WORK/webd"
printf '"%s" & wait\n' "$WORK/webd" >"$WORK/shell"
chmod 644 "$WORK/shell"
setpriv --reuid=65533 --regid=65533 --clear-groups sh "$WORK/shell" </dev/null >/dev/null 2>&1 &
until child=$(pgrep -P $!) && [ "$(readlink "/proc/$child/exe")" = "$WORK/webd" ]; do kill -0 $!; sleep 0.01; done
echo $! >/run/webd.pid
touch -d '1 hour ago' /run/webd.pid

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process SHELL $!
process USERS $child
status unclaimed
pids USERS
END
