#!/bin/sh
# title: recycled PID, another instance of the daemon has it
# from: gunicorn #3728
# right: That process is the other instance's; this instance does not run.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -pidfile /run/webd-foo.pid </dev/null >/dev/null 2>&1 &
old=$!
until [ -s /run/webd-foo.pid ]; do kill -0 $!; sleep 0.01; done
kill -KILL "$old"
wait "$old" || [ $? = 137 ]
touch -d '-1 hour' /run/webd-foo.pid

for try in 1 2 3 4 5 6 7 8 9 10; do
	echo $((old - 1)) >/proc/sys/kernel/ns_last_pid
	"$WORK/webd" -pidfile /run/webd.pid </dev/null >/dev/null 2>&1 &
	[ $! != "$old" ] || break
	kill -KILL $!
	wait $! || [ "$try" != 10 ]
done
[ $! = "$old" ]
until [ "$(cat /run/webd.pid)" = "$old" ]; do kill -0 $!; sleep 0.01; done

cat <<END
daemon $WORK/webd
pidfile /run/webd-foo.pid
process BAR $old
status not-running
pids BAR
END
