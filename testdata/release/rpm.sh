#!/bin/sh
# A real rpm installs, upgrades, downgrades and removes the packages. Debian's says that it is none for Debian.
old=/packages/pidproof-0.2.0-1.x86_64.rpm new=/packages/pidproof-0.2.0+dirty-1.x86_64.rpm
debians_rpm() { rpm --force-debian --nodeps "$@" || fail "rpm $1: $?"; }
installed() {
	rpm -V --nodeps pidproof || fail "rpm -V: other than packed"
	works "$1"
}

# Without room, or where nobody may write, nothing is installed.
refused() {
	if rpm --force-debian --nodeps -i $old >/run/said 2>&1; then fail "it was installed"; fi
	grep -q "$1" /run/said || fail "$(cat /run/said)"
	for path in /usr/sbin/pidproof /usr/share/pidproof/init-functions /lib/lsb/init-functions; do
		[ ! -e "$path" ] || fail "$path is there"
	done
	if rpm -q pidproof >/dev/null; then fail "rpm has it installed"; fi
}
mount -t tmpfs -o size=16k tmpfs /usr/share/doc
refused 'more space'
umount /usr/share/doc
mount -o bind /usr/share/man /usr/share/man
mount -o remount,bind,ro /usr/share/man
refused 'install failed'
umount /usr/share/man

debians_rpm -i $old
installed 0.2.0
rpm -ql pidproof | while read -r file; do [ -e "$file" ] || fail "no $file"; done
(cd /usr/share/man && mandoc man8/pidproof-explain.8.gz) | grep -q '^PIDPROOF-LIST(8)\|^PIDPROOF-CHECK(8)' || fail "no page"
debians_rpm -U $new
installed 0.2.0+dirty
debians_rpm -U --oldpackage $old
installed 0.2.0

# It stays while something is held off that cannot be restored.
mv /usr/sbin/pidproof /usr/sbin/kept
printf '#!/bin/sh\nexit 1\n' >/usr/sbin/pidproof
chmod 755 /usr/sbin/pidproof
if rpm --force-debian -e pidproof >/run/said 2>&1; then fail "it was removed"; fi
grep -qx 'pidproof: what is held off could not be restored: pidproof unquiesce --all must succeed first' /run/said || fail "$(cat /run/said)"
mv /usr/sbin/kept /usr/sbin/pidproof
installed 0.2.0
debians_rpm -e pidproof
left

# Functions of another package's, or a link that somebody has put there, are nobody's business.
mkdir -p /usr/lib/lsb
ln -s nowhere /usr/lib/lsb/init-functions
debians_rpm -i $old
debians_rpm -e pidproof
[ "$(readlink /lib/lsb/init-functions)" = nowhere ] || fail "the link is gone"
