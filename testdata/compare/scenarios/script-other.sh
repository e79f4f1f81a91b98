#!/bin/sh
# title: script, and the pidfile names another script's process
# from: statsd #497, where every process of the interpreter was killed
# right: The same interpreter does not make it the same daemon.
set -eu
for name in webd otherd; do
	printf '#!/bin/sh\nwhile :; do sleep 1000; done\n' >"$WORK/$name"
	chmod 755 "$WORK/$name"
done
"$WORK/otherd" </dev/null >/dev/null 2>&1 &
echo $! >/run/webd.pid
touch -d '-1 hour' /run/webd.pid
# A fork runs the shell's own script until it has executed the other.
until tr '\0' ' ' <"/proc/$!/cmdline" | grep -q "^/bin/sh $WORK/otherd "; do kill -0 $!; sleep 0.01; done

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process OTHERD $!
status not-running
pids none
END
