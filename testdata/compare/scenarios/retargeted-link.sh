#!/bin/sh
# title: link set to a newer version
# from: puppetlabs/pxp-agent #597, Debian #1033311
# right: It was started through the link, and is the daemon until it is restarted.
set -eu
mkdir "$WORK/opt"
install "$DEMOD" "$WORK/opt/webd-1.2"
install "$DEMOD" "$WORK/opt/webd-1.3"
ln -s opt/webd-1.2 "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid
old=$(cat /run/webd.pid)
ln -sfn opt/webd-1.3 "$WORK/webd"
[ "$(readlink "/proc/$old/exe")" = "$WORK/opt/webd-1.2" ]

# Only the status: what is at the link's end now, this process does not run.
cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process OLD $old
status running
END
