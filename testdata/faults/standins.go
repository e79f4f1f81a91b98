package faults

// What pidproof executes in these hosts: none has an init.

// realProgram says that a start would be the real program's.
const realProgram = "#!/bin/sh\necho 'the real program'\n"

// realInvokeRcd stands in for Debian's.
const realInvokeRcd = `#!/bin/sh
[ "$1" != --query ] || exit 104 # would be done, invoke-rc.d(8)
exec "${0%/bin/*}/work/$2"
`

// standInSystemctl answers for webd.service, webd.socket, and a webd.target that upholds the service.
const standInSystemctl = `#!/bin/sh
work=${0%/bin/*}/work
while :; do case $1 in --no-*) shift ;; *) break ;; esac; done
verb=$1
shift
if [ "$verb" = daemon-reload ]; then
	: >"$work/read"
	for file in /run/systemd/system/webd.service.d/*.conf; do [ ! -e "$file" ] || echo "$file" >"$work/read"; done
	exit 0
fi
properties=${1#--property=}
while [ "$1" != -- ]; do shift; done
shift
case $verb in
stop) for unit; do echo inactive >"$work/$unit"; done; exit 0 ;;
start) for unit; do echo active >"$work/$unit"; done; exit 0 ;;
list-units) exit 0 ;;
esac
for unit; do
	state=inactive load=not-found
	[ ! -e "$work/$unit" ] || { read -r state <"$work/$unit"; load=loaded; }
	sub=$state
	[ "$unit:$state" != webd.socket:active ] || sub=listening
	case $properties in *Names*) more="Names=$unit" ;; *) more= ;; esac
	echo "Id=$unit"
	[ -z "$more" ] || echo "$more"
	echo "LoadState=$load"
	echo "ActiveState=$state"
	echo "SubState=$sub"
	case $unit in
	webd.service)
		echo "TriggeredBy=webd.socket"
		[ ! -e "$work/webd.target" ] || echo "UpheldBy=webd.target"
		[ ! -s "$work/read" ] || { read -r file <"$work/read"; echo "DropInPaths=$file"; }
		;;
	webd.socket) printf 'Triggers=webd.service\nAccept=no\nListen=127.0.0.1:4712 (Stream)\n' ;;
	esac
	echo
done
`
