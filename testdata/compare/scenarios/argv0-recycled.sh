#!/bin/sh
# title: recycled PID, a user's process under the daemon's title has it
# from: sysvinit-utils 3.14, whose pidof believes titles
# right: Anybody may call his process by the daemon's path; this one runs another program.
set -eu
install "$DEMOD" "$WORK/webd"
install "$DEMOD" "$WORK/spoofd"
install -d -o 65533 -g 65533 /run/spoof
cat >"$WORK/his" <<'END'
exec -a "$1" "$2" -daemonize -pidfile /run/spoof/pid
END
setpriv --reuid=65533 --regid=65533 --clear-groups bash "$WORK/his" "$WORK/webd" "$WORK/spoofd"
spoof=$(cat /run/spoof/pid)
rm /run/spoof/pid
echo "$spoof" >/run/webd.pid
touch -d '1 hour ago' /run/webd.pid

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process SPOOF $spoof
status not-running
pids none
END
