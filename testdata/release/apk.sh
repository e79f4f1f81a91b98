#!/bin/sh
# Does what apk does with the package, with busybox's shell: its files, its scripts.
tar -C / --warning=no-unknown-keyword --keep-directory-symlink -xf /packages/data.tar.gz
busybox sh /packages/.post-install 0.2.0-r0 || fail ".post-install: $?"
works 0.2.0
busybox sh /packages/.pre-deinstall 0.2.0-r0 || fail ".pre-deinstall: $?"
tar --warning=no-unknown-keyword -tf /packages/data.tar.gz | sed 's,^,/,' | sort -r | while read -r path; do
	if [ -d "$path" ]; then rmdir "$path" 2>/dev/null || :; else rm "$path"; fi
done
left
