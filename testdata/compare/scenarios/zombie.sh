#!/bin/sh
# title: zombie
# from: a supervisor, or a container's PID 1, that does not reap
# right: It has ended; only its number is left.
set -eu
install "$DEMOD" "$WORK/webd"
# sleep becomes the parent, and never reaps
sh -c '"$1" -pidfile /run/webd.pid & exec sleep 1000' sh "$WORK/webd" </dev/null >/dev/null 2>&1 &
until [ -s /run/webd.pid ] && [ "$(cat "/proc/$!/comm")" = sleep ]; do kill -0 $!; sleep 0.01; done
old=$(cat /run/webd.pid)
kill -KILL "$old"
# The first thread can be a zombie before the others have ended.
until grep -q '^State:.*zombie' "/proc/$old/status" && [ "$(echo "/proc/$old/task/"*)" = "/proc/$old/task/$old" ]; do
	kill -0 $!
	sleep 0.01
done

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process ZOMBIE $old
process PARENT $!
status not-running
pids none
END
