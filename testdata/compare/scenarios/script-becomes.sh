#!/bin/sh
# title: a script that has become another program
# from: elasticsearch, tomcat, jenkins: exec java at the end of the start script
# right: The pidfile was written as the process started, and the number has not changed hands since: what
#   the script has become is the daemon.
set -eu
install "$DEMOD" "$WORK/engine"
printf '#!/bin/sh\necho $$ >/run/webd.new\nmv /run/webd.new /run/webd.pid\nexec "%s/engine"\n' "$WORK" >"$WORK/webd"
chmod 755 "$WORK/webd"
"$WORK/webd" </dev/null >/dev/null 2>&1 &
until [ "$(readlink "/proc/$!/exe")" = "$WORK/engine" ]; do kill -0 $!; sleep 0.01; done

cat <<END
daemon $WORK/webd
pidfile /run/webd.pid
process ENGINE $!
status running
END
