#!/bin/sh
# title: a container's daemon beside the host's
# from: proxysql #1764, corosync-qdevice #3, cfengine/core #3114
# right: Its path is the same and its file another; the host's daemon is one process.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -daemonize -pidfile /run/webd.pid

# A root of its own, with its own file at the same path; the links are for umount, and lead nowhere afterwards.
box=$WORK/box
mkdir "$box"
mount -t tmpfs box "$box"
mkdir -p "$box$WORK" "$box/proc" "$box/run" "$box/host"
ln -s host/usr host/bin host/lib host/lib64 "$box"
install "$DEMOD" "$box$WORK/webd"
unshare --pid --fork --mount sh -eu >/dev/null 2>&1 <<'END' &
cd "$WORK/box"
mount -t proc proc proc
pivot_root . host
umount -l /host
exec "$WORK/webd" -pidfile /run/inner.pid
END
until [ -s "$box/run/inner.pid" ]; do kill -0 $!; sleep 0.01; done
inner=$(tr -d ' \n' <"/proc/$!/task/$!/children")
[ "$(readlink "/proc/$inner/exe")" = "$WORK/webd" ]

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process HOST $(cat /run/webd.pid)
process CONTAINER $inner
status running
pids HOST
END
