#!/bin/sh
# Runs a script in a root that is this machine's, seen through an overlay: what is installed there never reaches the
# machine. PID 1 of namespaces of its own, so that everything ends with it.
#
# usage: unshare -m -p -u -i -n --fork --kill-child=KILL sh overlay.sh EMPTYDIR BINDDIR SCRIPT
#
# BINDDIR is /packages there. What the script prints as "changed" is what is other than on this machine.
set -eu
umask 022
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs "$1"
mkdir "$1/upper" "$1/scratch" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/scratch" overlay "$1/root"
mount -t proc proc "$1/root/proc"
for dir in run tmp dev; do mount -t tmpfs tmpfs "$1/root/$dir"; done
mknod -m 0666 "$1/root/dev/null" c 1 3
mkdir "$1/root/packages" "$1/root/upper"
mount -o bind,ro "$2" "$1/root/packages"
mount -o bind,ro "$1/upper" "$1/root/upper"
exec chroot "$1/root" sh -euc "$3"
