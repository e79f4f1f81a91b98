#!/bin/sh
# pidproof: stands before the program that dpkg installs as NAME.real
# `divert` puts it in place and takes it away. Every maintainer script calls it: it must go on working when pidproof is
# gone or cannot run, and it knows nothing but where the two programs are.
if /usr/sbin/pidproof --version >/dev/null 2>&1; then
	exec /usr/sbin/pidproof invoke-rc.d "$@"
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
