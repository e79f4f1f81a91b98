#!/bin/sh
# title: recycled PID, another program has it
# from: rehash #510, packetfence #3291
# right: The number is another program's now, which must not be signalled.
set -eu
install "$DEMOD" "$WORK/webd"
"$WORK/webd" -pidfile /run/webd.pid </dev/null >/dev/null 2>&1 &
old=$!
until [ -s /run/webd.pid ]; do kill -0 $!; sleep 0.01; done
kill -KILL "$old"
wait "$old" || [ $? = 137 ]
touch -d '-1 hour' /run/webd.pid

# The next process gets the next free number, unless a thread of ours comes in between.
for try in 1 2 3 4 5 6 7 8 9 10; do
	echo $((old - 1)) >/proc/sys/kernel/ns_last_pid
	sleep 1000 >/dev/null 2>&1 &
	[ $! != "$old" ] || break
	kill $!
	wait $! || [ "$try" != 10 ]
done
[ $! = "$old" ]
until [ "$(cat "/proc/$old/comm")" = sleep ]; do sleep 0.01; done

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process SLEEP $old
status not-running
pids none
END
