#!/bin/sh
# title: name of more than 15 characters
# from: Debian #353015, #519128
# right: The kernel keeps 15, which two daemons have in common here; one of them is asked about.
set -eu
for name in web-server-daemon-one web-server-daemon-two; do
	install "$DEMOD" "$WORK/$name"
	"$WORK/$name" -daemonize -pidfile "/run/$name.pid"
done

cat <<END
daemon $WORK/web-server-daemon-one
pidfile /run/web-server-daemon-one.pid
process ONE $(cat /run/web-server-daemon-one.pid)
process TWO $(cat /run/web-server-daemon-two.pid)
status running
pids ONE
END
