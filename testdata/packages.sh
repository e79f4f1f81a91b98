#!/bin/sh
# Installs the Debian packages that `make lint` and the tests use. They are
# tools only: none starts a service. apache2 goes into the lab's overlay, so
# that nobody gets a web server for running the tests. `packages.sh attack` also
# installs QEMU, which is large, and which only `make attack` and `make deb-check` need, and
# `packages.sh fleet` ansible.
set -eu

PATH=$PATH:/usr/sbin:/sbin # an ordinary user's PATH lacks them

purpose=${1:-tests}
set --
while read -r package needed; do
	case $package,$purpose in
	qemu-user,attack | ansible-core,fleet | openssh-client,fleet) ;;
	qemu-user,* | ansible-core,* | openssh-client,*) continue ;;
	esac
	command -v "$needed" >/dev/null || [ -f "$needed" ] || set -- "$@" "$package"
done <<EOF
shellcheck     shellcheck
busybox        busybox
mksh           mksh
yash           yash
zsh            zsh
fish           fish
bash-completion /usr/share/bash-completion/bash_completion
mandoc         mandoc
gcc            gcc
libc6-dev      /usr/include/stdlib.h
curl           curl
iproute2       ip
util-linux     unshare
procps         ps
rpm            rpm
strace         strace
sysvinit-utils /lib/lsb/init-functions
dpkg-dev       dpkg-gencontrol
lintian        lintian
qemu-user      qemu-s390x
ansible-core   ansible-playbook
openssh-client ssh
EOF
[ $# -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || [ ! -f /etc/debian_version ]; then
	echo "packages.sh: not root on Debian: what needs these is left out: $*"
	exit 0
fi

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" </dev/null >/dev/null
}

echo "packages.sh: installing what the tests need: $*"
# The first try fails where there are no package lists yet, or old ones.
apt install --no-install-recommends "$@" 2>/dev/null ||
	{ apt update && apt install --no-install-recommends "$@"; } ||
	echo "packages.sh: apt-get failed: what needs these is left out: $*"
