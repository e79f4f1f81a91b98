#!/bin/sh
# title: script
# from: statsd #497, gunicorn #3728
# right: The process runs the interpreter, and another script's process does so, too.
set -eu
for name in webd otherd; do
	printf '#!/bin/sh\necho $$ >"/run/%s.new"\nmv "/run/%s.new" "/run/%s.pid"\nwhile :; do sleep 1000; done\n' \
		"$name" "$name" "$name" >"$WORK/$name"
	chmod 755 "$WORK/$name"
	"$WORK/$name" </dev/null >/dev/null 2>&1 &
	until [ -e "/run/$name.pid" ]; do kill -0 $!; sleep 0.01; done
done

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process WEBD $(cat /run/webd.pid)
process OTHERD $(cat /run/otherd.pid)
status running
pids WEBD
END
