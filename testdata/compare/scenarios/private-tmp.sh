#!/bin/sh
# title: mount namespace of its own, replaced
# from: systemd's PrivateTmp
# right: Its file is the host's; only /tmp is its own.
set -eu
install "$DEMOD" "$WORK/webd"
unshare --mount sh -eu <<'END'
mount -t tmpfs tmpfs /tmp
exec "$WORK/webd" -daemonize -pidfile /run/webd.pid
END
old=$(cat /run/webd.pid)
install "$DEMOD" "$WORK/webd"
[ "$(readlink "/proc/$old/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process OLD $old
status running
pids OLD
END
