#!/bin/sh
# PID 1 of a test host, until it becomes the host's init: a real one over an overlay of a root, this machine's or another.
# Everything that could outlive the host (processes, mounts, what it wrote) ends with the namespaces it runs in:
# kill PID 1 with KILL, and nothing is left. Nothing is installed on the machine and no cgroup is made.
#
# usage: boot.sh EMPTYDIR ROOT sysvinit|systemd [DEBDIR], as root, in fresh mount, UTS, IPC, network and PID namespaces,
# as host.go does; or:
#   mkdir /tmp/host; unshare -m -u -i -n -p --fork --kill-child=KILL sh boot.sh /tmp/host / sysvinit DEBDIR
# Where ROOT lacks them, DEBDIR holds the Debian packages sysvinit-core, initscripts, insserv, startpar and either sysv-rc
# or openrc with its libraries. systemd is ROOT's, and also needs a cgroup namespace (-C) of its own, whose root is not
# this machine's.
set -eu
umask 022
debs=''
[ $# -eq 3 ] || debs=$(cd "$4" && pwd)
lower=$2 init=$3
[ $$ -eq 1 ] || {
	echo "boot.sh: must be PID 1 of a new PID namespace" >&2
	exit 4
}

# The source "EMPTYDIR" marks both mounts as ours: no mountinfo on the machine may name it once the host is gone.
mount --make-rprivate /
mount -t tmpfs -o mode=0755 "$1" "$1"
cd "$1"
mkdir upper scratch root
mount -t overlay -o "lowerdir=$lower,upperdir=upper,workdir=scratch" "$1" root

# /proc/sys stays read-only: the init scripts of sysvinit write settings of the whole kernel.
mount -t proc proc root/proc
mount -o bind,ro root/proc/sys root/proc/sys
mount -t sysfs -o ro sysfs root/sys
for dir in run tmp dev; do mount -t tmpfs tmpfs "root/$dir"; done
chmod 0755 root/run root/dev
chmod 1777 root/tmp
mkdir root/run/lock root/dev/pts root/dev/shm
# Nodes of its own: a bind mount of the machine's would hand it the chmod and chown that init does to a console.
mknod -m 0666 root/dev/null c 1 3
mknod -m 0666 root/dev/zero c 1 5
mknod -m 0666 root/dev/full c 1 7
mknod -m 0666 root/dev/random c 1 8
mknod -m 0666 root/dev/urandom c 1 9
mknod -m 0666 root/dev/tty c 5 0
mknod -m 0600 root/dev/console c 1 3 # there is none: what is said to it goes nowhere
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts root/dev/pts
mount -t tmpfs -o mode=1777 tmpfs root/dev/shm
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
: >root/run/utmp
echo pidproof-lab >/proc/sys/kernel/hostname

# A fresh host: no service of this machine starts in it, and no policy (container images have one) forbids to start any.
rm -f root/usr/sbin/policy-rc.d root/etc/rc[0-6S].d/[SK]*
rm -f root/var/lib/man-db/auto-update # 2 s at each installation

if [ "$init" = sysvinit ]; then
	# Extracted, not installed: dpkg would have to remove systemd-sysv first. In a chroot, so that the machine's own
	# links (/sbin to usr/sbin, /var/run to /run) lead where they do on the host, and never to the machine.
	for deb in ${debs:+"$debs"/*.deb}; do
		dpkg-deb --fsys-tarfile "$deb" >data.tar
		chroot root tar -x -C / --keep-directory-symlink --no-overwrite-dir <data.tar
	done
	rm -f data.tar
	cat >root/etc/inittab <<-'END'
		id:2:initdefault:
		si::sysinit:/etc/init.d/rcS >/run/boot.log 2>&1
		l2:2:wait:/etc/init.d/rc 2 >>/run/boot.log 2>&1
		ok:2:once:touch /run/booted
	END
	set -- /sbin/init
else
	mount -t cgroup2 cgroup2 root/sys/fs/cgroup
	units=root/etc/systemd/system
	rm -rf "$units" root/etc/systemd/journald.conf.d
	mkdir -p "$units/multi-user.target.wants"
	echo 00000000000000000000000000000736 >root/etc/machine-id # an empty one would be a first boot, which enables all
	printf '%s\n' '[Journal]' 'Storage=volatile' >root/etc/systemd/journald.conf
	printf '%s\n' '[Manager]' 'DefaultStartLimitIntervalSec=0' >root/etc/systemd/system.conf # tests are in a hurry
	# They are about hardware, consoles, and what belongs to the whole kernel.
	for unit in dev-hugepages.mount getty.target kmod-static-nodes.service proc-sys-fs-binfmt_misc.automount \
		sys-fs-fuse-connections.mount systemd-ask-password-console.path systemd-ask-password-wall.path \
		systemd-binfmt.service systemd-firstboot.service systemd-journal-flush.service systemd-journald-audit.socket \
		systemd-logind.service \
		systemd-modules-load.service systemd-networkd.service systemd-random-seed.service systemd-remount-fs.service \
		systemd-sysctl.service systemd-sysusers.service systemd-timesyncd.service systemd-udevd.service; do
		ln -s /dev/null "$units/$unit"
	done
	ln -s /usr/lib/systemd/system/multi-user.target "$units/default.target"
	# Each daemon-reload runs all generators, which takes three quarters of its time, and finds nothing but init scripts. A
	# package's own, such as postgresql's, is a shell script that runs three programs more.
	mkdir -p root/etc/systemd/system-generators
	for generator in root/usr/lib/systemd/system-generators/*; do
		name=${generator##*/}
		[ "$name" = systemd-sysv-generator ] || ln -sf /dev/null "root/etc/systemd/system-generators/$name"
	done
	ln -s ../booted.service "$units/multi-user.target.wants/booted.service"
	cat >"$units/booted.service" <<-'END'
		[Unit]
		DefaultDependencies=no
		After=multi-user.target
		[Service]
		ExecStart=/bin/sh -c 'systemctl is-system-running --wait >/run/boot.log; touch /run/booted'
	END
	set -- env container=pidproof-lab /usr/lib/systemd/systemd --show-status=no --log-target=journal
fi

mkdir root/.machine
cd root
pivot_root . .machine
cd /
umount -l /.machine
rmdir /.machine
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio,-syslog "$@"
