#!/bin/sh
# Makes a system of packages: their files are put into a folder, and there dpkg installs them once more, with their
# scripts, in an order that has what all of those need first. PID 1 of namespaces of its own: what it mounts, and whatever
# those scripts start, ends with it.
#
# usage: unshare -m -p -i -u -n --fork --kill-child=KILL sh installed.sh ROOT DEBDIR
set -eu
umask 022
mount --make-rprivate /
mkdir -p "$1/packages"
for deb in "$2"/*.deb; do
	dpkg-deb --extract "$deb" "$1"
done
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/dev"
mount -o bind "$2" "$1/packages"
mknod -m 0666 "$1/dev/null" c 1 3
mknod -m 0666 "$1/dev/urandom" c 1 9
ln -s mawk "$1/usr/bin/awk" # which the scripts of others call, and mawk's makes
: >"$1/var/lib/dpkg/status"
printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
chmod 755 "$1/usr/sbin/policy-rc.d"
# shellcheck disable=SC2016 # expanded inside
env -i PATH=/usr/sbin:/usr/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive \
	chroot "$1" sh -euc '
		dpkg() { command dpkg --force-unsafe-io "$@"; }
		dpkg --force-depends --install /packages/base-passwd_*.deb
		dpkg --force-depends --unpack /packages/*.deb
		dpkg --configure --pending'
umount "$1/packages"
rmdir "$1/packages"
rm "$1/usr/sbin/policy-rc.d"
