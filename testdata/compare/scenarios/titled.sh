#!/bin/sh
# title: title changed, replaced, and another instance
# from: nginx, sendmail, postgres, whose processes write over their arguments
# right: What it calls itself does not matter; its file was the daemon's.
set -eu
install "$ARGVD" "$WORK/webd"
"$WORK/webd" -pidfile /run/webd-foo.pid -title 'webd: accepting connections' </dev/null >/dev/null 2>&1 &
until [ -e /run/webd-foo.pid ]; do kill -0 $!; sleep 0.01; done
[ "$(tr -d '\0' <"/proc/$!/cmdline")" = 'webd: accepting connections' ]
install "$ARGVD" "$WORK/webd"
"$WORK/webd" -pidfile /run/webd.pid -title 'webd: accepting connections' </dev/null >/dev/null 2>&1 &
until [ -e /run/webd.pid ]; do kill -0 $!; sleep 0.01; done

cat <<END
daemon $WORK/webd
pidfile /run/webd-foo.pid
process OLD $(cat /run/webd-foo.pid)
process NEW $(cat /run/webd.pid)
status running
pids OLD NEW
END
