#!/bin/sh
# pidproof: stands before the program that dpkg installs as NAME.real
# `divert` puts it in place and takes it away. Every maintainer script calls it: it must go on working when pidproof is
# gone or cannot run, and it knows nothing but where the two programs are.
if [ -x /usr/sbin/pidproof ]; then
	# A question first that is none: where Go's runtime cannot run (ulimit -v, -n, -u) it ends with 2, or by a signal.
	/usr/sbin/pidproof pidofproc -p /dev/null / >/dev/null 2>&1
	case $? in
	2 | 12[6-9] | 1[3-9]? | 2??) echo "invoke-rc.d: /usr/sbin/pidproof cannot run here (see ulimit -a); no trigger is held off or restored" >&2 ;;
	*) exec /usr/sbin/pidproof invoke-rc.d "$@" ;;
	esac
fi

# The one option that the program does not know, wherever it stands.
for word; do
	shift
	[ "$word" = --allow-on-demand ] || set -- "$@" "$word"
done

# Beside this file; or where dpkg puts it, when this was called through a link.
for real in "$0.real" /usr/sbin/invoke-rc.d.real; do
	[ ! -x "$real" ] || exec "$real" "$@"
done
echo "invoke-rc.d: there is no invoke-rc.d.real; install the package init-system-helpers again" >&2
exit 102 # invoke-rc.d(8): subsystem error
