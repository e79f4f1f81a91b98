#!/bin/sh
# title: the daemon's user wrote root's process into the pidfile
# from: CVE-2017-11747, CVE-2018-16888
# right: He may not vouch for it, or root would signal its own process for him.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid
install -d -o 65533 -g 65533 /run/webd-foo
setpriv --reuid=65533 --regid=65533 --clear-groups cp /run/webd.pid /run/webd-foo/webd.pid

cat <<END
daemon $WORK/webd
pidfile /run/webd-foo/webd.pid
process ROOT $(cat /run/webd.pid)
status cannot-tell
pids ROOT
END
