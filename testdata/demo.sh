#!/bin/sh
# `make demo`: the bug that pidproof was written for, live, without root. Two
# instances of a small daemon run; its file is replaced, as a package upgrade
# does; one instance is restarted. Who still knows the other one?
set -eu
umask 022 # a pidfile that others may write proves nothing

cd "$(dirname "$0")/.."
pidproof=$PWD/bin/pidproof
PATH=$PATH:/usr/sbin:/sbin # for pidof, on some distributions
dir=$(mktemp -d "${TMPDIR:-/tmp}/pidproof.XXXXXX")
daemon=$dir/webd

# The daemon makes its PID a process group, which its workers share. All shells
# take a group in this form of kill; `kill -s KILL -- -PID` confuses busybox.
cleanup() {
	for pidfile in "$dir"/*.pid; do
		[ ! -s "$pidfile" ] || kill -KILL "-$(cat "$pidfile")" 2>/dev/null || :
	done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'cleanup; exit 129' HUP # mksh runs no EXIT trap from here
trap 'cleanup; exit 130' INT
trap 'cleanup; exit 143' TERM

bold='' good='' bad='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	esc=$(printf '\033')
	bold="${esc}[1m" good="${esc}[32m" bad="${esc}[31m" plain="${esc}[0m"
fi

say() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }

fail() {
	printf 'demo: %s\n' "$1" >&2
	exit 1
}

# until_ends FILE waits until it is gone; not every sleep takes fractions.
until_ends() {
	tries=6000
	while [ -e "$1" ]; do
		[ $((tries -= 1)) -gt 0 ] || fail "$1 is still there"
		sleep 0.1 2>/dev/null || sleep 1
	done
}

# until_dead PID waits until all threads of a killed process have ended: only a
# zombie is left then, or nothing.
until_dead() {
	tries=6000
	while [ -e "/proc/$1/exe" ] || { set -- "$1" /proc/"$1"/task/* && [ $# -gt 2 ]; }; do
		set -- "$1"
		[ $((tries -= 1)) -gt 0 ] || fail "process $1 is still there"
		sleep 0.1 2>/dev/null || sleep 1
	done
}

start() { "$daemon" -daemonize -pidfile "$dir/$1.pid" -workers 1; }

stop() {
	kill -s TERM "$(cat "$dir/$1.pid")"
	until_ends "$dir/$1.pid" # its last act
}

# What Debian's apache2 script asks.
debian_finds() { pidof "$daemon" | tr ' ' '\n' | grep -w "$(cat "$dir/$1.pid")" >/dev/null; }

# check INSTANCE CODE runs pidproof, which has to answer so.
check() {
	code=0
	answer=$("$pidproof" check -p "$dir/$1.pid" "$daemon") || code=$?
	[ "$code" = "$2" ] || fail "pidproof check answered $code, not $2: $answer"
}

# row INSTANCE prints both answers.
row() {
	check "$1" 0
	if ! command -v pidof >/dev/null; then
		theirs='no pidof here'
	elif debian_finds "$1"; then
		theirs="${good}found        "
	else
		theirs="${bad}NOT FOUND    "
	fi
	printf '  %-5s PID %-8s %s%s               %srunning, exit 0%s\n' \
		"$1" "$(cat "$dir/$1.pid")" "$theirs" "$plain" "$good" "$plain"
}

# quote prints pidproof's answer, without the long folder names.
quote() { printf '%s\n' "$answer" | sed "s|$dir/||g" | fold -s -w 76 | sed 's/^/  /; s/ *$//'; }

table() {
	printf '\n  %-18s %-27s %s\n' instance 'pidof | grep -w PID' 'pidproof check -p PIDFILE'
	row main
	row foo
}

echo 'Building the daemon that is looked at...' >&2
# As pidproof is built: what both are made of is not compiled twice.
CGO_ENABLED=0 go build -buildvcs=false -trimpath -o "$daemon" ./testdata/demod

say 'Two instances of a daemon run, each with its pidfile and one worker.'
start main || fail "cannot run $daemon; if $dir is mounted noexec, set TMPDIR"
start foo
table

say 'An upgrade replaces the daemon'"'"'s file. The instance main is restarted.'
cp "$daemon" "$dir/new"
mv -f "$dir/new" "$daemon"
stop main
start main
table

if command -v pidof >/dev/null && ! debian_finds foo; then
	cat <<-'EOF'

		foo runs and its pidfile is right, but pidof lists only processes of the new
		file: an init script that asks it refuses to stop foo (Debian bug #868861).
	EOF
fi
check foo 0
printf '\n  $ pidproof check -p foo.pid webd\n'
quote

say 'main is stopped. Then foo'"'"'s main process is killed; its worker stays.'
stop main
pid=$(cat "$dir/foo.pid")
kill -s KILL "$pid"
until_dead "$pid"
check foo 150
printf '\n  $ pidproof check -p foo.pid webd\n'
quote
printf '  exit %s: do not start a second foo next to it\n' "$code"
