#!/bin/sh
# title: replaced, and another instance runs the new file
# from: Debian #868861
# right: Asked is the instance that was not restarted; both run the daemon.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd-foo.pid
old=$(cat /run/webd-foo.pid)
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid
new=$(cat /run/webd.pid)
[ "$(readlink "/proc/$old/exe")" = "$WORK/webd (deleted)" ]
[ "$(readlink "/proc/$new/exe")" = "$WORK/webd" ]

cat <<END
daemon $WORK/webd
pidfile /run/webd-foo.pid
process OLD $old
process NEW $new
status running
pids OLD NEW
END
