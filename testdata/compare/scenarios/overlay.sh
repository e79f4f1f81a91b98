#!/bin/sh
# title: overlay, and the new file is in its upper layer
# from: live systems and images, upgraded while they run
# right: The old file and the new one are on two devices, and one path.
set -eu
mkdir "$WORK/lower" "$WORK/layers" "$WORK/root"
mount -t tmpfs lower "$WORK/lower"
mount -t tmpfs layers "$WORK/layers"
mkdir "$WORK/layers/upper" "$WORK/layers/work"
install "$DEMOD" "$WORK/lower/webd"
mount -t overlay -o "lowerdir=$WORK/lower,upperdir=$WORK/layers/upper,workdir=$WORK/layers/work" overlay "$WORK/root"
"$WORK/root/webd" -daemonize -pidfile /run/webd-foo.pid
before=$(stat -c %d "$WORK/root/webd")
install "$DEMOD" "$WORK/root/webd"
[ -e "$WORK/layers/upper/webd" ]
[ "$before" != "$(stat -c %d "$WORK/root/webd")" ]
"$WORK/root/webd" -daemonize -pidfile /run/webd.pid

cat <<END
daemon $WORK/root/webd
pidfile /run/webd-foo.pid
process OLD $(cat /run/webd-foo.pid)
process NEW $(cat /run/webd.pid)
status running
pids OLD NEW
END
