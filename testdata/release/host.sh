#!/bin/sh
# What rpm.sh and apk.sh, which follow, both ask of a host that has no LSB functions and no pidproof.

# What is other than on this machine, but for what rpm keeps of its own.
changed() { find /upper ! -path '/upper/root/.rpmdb*' ! -path '/upper/packages*' ! -path '/upper/upper*' ! -type d | sort; }

# This machine may have one installed.
rm -rf /usr/lib/lsb /usr/sbin/pidproof /usr/local/sbin/pidproof /usr/share/pidproof /usr/share/doc/pidproof \
	/usr/share/man/man?/pidproof*
# Debian's fish has this folder, empty; neither rpm nor apk knows that it is another package's.
mkdir -p /usr/share/fish/vendor_completions.d
: >/usr/share/fish/vendor_completions.d/another
changed >/run/before

left() {
	changed | diff /run/before - || fail "that is left, or missing"
	for path in /usr/share/pidproof /usr/share/doc/pidproof /usr/lib/lsb; do [ ! -e "$path" ] || fail "$path is left"; done
}

works() {
	[ "$(/usr/sbin/pidproof version)" = "pidproof $1" ] || fail "it is not version $1"
	[ "$(readlink /lib/lsb/init-functions)" = /usr/share/pidproof/init-functions ] || fail "no LSB functions"
	code=0
	sh -euc '. /lib/lsb/init-functions; pidofproc -p /run/none.pid /bin/sleep' || code=$?
	[ "$code" = 3 ] || fail "pidofproc says $code"
	for name in start-stop-daemon invoke-rc.d deb-systemd-invoke divert apt.conf; do
		[ ! -e "/usr/share/pidproof/$name" ] || fail "$name is there"
	done
}

fail() {
	printf '%s\n' "$1"
	exit 1
}
