package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/need"
)

// withLog runs a script as root in a mount namespace where log is what LOG names; demod
// and our programs are in its PATH. It returns what was said on standard error.
func withLog(t *testing.T, log, script string) (stderr string) {
	t.Helper()
	need.Root(t)
	unshare, dir := need.Program(t, "unshare"), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	const world = `set -eu
mount -t tmpfs none dev
cp -a /dev/null /dev/zero /dev/urandom /dev/random dev/
[ -z "$LOG" ] || ln -s "$LOG" dev/log
mount --bind dev /dev
daemon() {
	name=$1
	shift
	[ -e "$name" ] || cp "$(command -v demod)" "$name"
	"./$name" -daemonize -pidfile "$name.pid" "$@"
}
`
	cmd := exec.Command("timeout", "-s", "KILL", commandLimit, unshare, "-m", "--propagation", "private", "sh", "-c", world+script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+programs+":/usr/sbin:/usr/bin:/sbin:/bin", "LOG="+log, "TZ=UTC")
	var said bytes.Buffer
	cmd.Stderr = &said
	t.Cleanup(func() { endAll(t, dir) })
	if out, err := cmd.Output(); err != nil {
		t.Errorf("%v: %s%s", err, out, &said)
	}
	return said.String()
}

// logSocket is a real one, as a syslogd has it.
func logSocket(t *testing.T) (*net.UnixConn, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "pidproof-log-") // a socket's path may have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "log")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		os.RemoveAll(dir)
	})
	return conn, path
}

// lines are what was sent to a socket so far.
func lines(t *testing.T, conn *net.UnixConn) (all []string) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 1<<16)
	for err == nil {
		n := 0
		if failure := raw.Read(func(fd uintptr) bool {
			n, _, err = unix.Recvfrom(int(fd), message, unix.MSG_DONTWAIT)
			return true
		}); failure != nil {
			t.Fatal(failure)
		}
		if err == nil {
			all = append(all, string(message[:n]))
		}
	}
	if !errors.Is(err, unix.EAGAIN) {
		t.Fatal(err)
	}
	return all
}

// TestRecord: whom a command signalled, or what it had done, is one line each.
func TestRecord(t *testing.T) {
	const (
		head    = `^<29>[A-Z][a-z]{2} [ 1-3][0-9] [0-9:]{8} pidproof\[[0-9]+\]: `
		process = `pid=[0-9]+ started="[0-9]{4}-[0-9-]{5} [0-9:]{8}" ticks=[0-9]+ uid=0 exe=\S+/`
		caller  = ` caller=[0-9]+ caller_name=sh caller_uid=0$`
	)
	for name, test := range map[string]struct {
		script string
		want   []string
	}{
		"killproc": {"daemon d; pidproof killproc -p d.pid ./d", []string{
			`killproc: signal=TERM ` + process + `d rule=same-file pidfile=\S+/d\.pid`}},
		"killproc HUP": {"daemon d -record f; pidproof killproc -p d.pid ./d HUP", []string{
			`killproc: signal=HUP ` + process + `d rule=same-file pidfile=\S+/d\.pid`}},
		"killproc replaced": {"daemon d; cp d e; mv e d; pidproof killproc -p d.pid ./d", []string{
			`killproc: signal=TERM pid=.* exe="\S+/d \(deleted\)" rule=replaced pidfile=`}},
		"killproc several": {"daemon d; mv d.pid e.pid; daemon d; cat e.pid >>d.pid; pidproof killproc -p d.pid ./d", []string{
			`killproc: signal=TERM ` + process + `d rule=same-file pidfile=\S+/d\.pid`,
			`killproc: signal=TERM ` + process + `d rule=same-file pidfile=\S+/d\.pid`}},
		"killproc respawned": {`cp "$(command -v demod)" d; sh -c 'while :; do ./d; done' & echo $! >d.pid
until pidproof check -p d.pid ./d; do sleep 0.1; done; pidproof killproc -p d.pid ./d`, []string{
			`killproc: signal=TERM ` + process + `d rule=same-file pidfile=\S+/d\.pid`,
			`killproc: signal=TERM ` + process + `\S+ rule=wrapper pidfile=\S+/d\.pid`,
			`killproc: signal=TERM ` + process + `d rule=same-file pidfile=\S+/d\.pid`}},
		"start-stop-daemon": {"daemon d -ignore-term; start-stop-daemon --stop -p d.pid --retry TERM/1/KILL/30", []string{
			`start-stop-daemon: signal=TERM ` + process + `d rule=number pidfile=\S+/d\.pid`,
			`start-stop-daemon: signal=KILL ` + process + `d rule=number pidfile=\S+/d\.pid`}},
		"start-stop-daemon all": {"daemon d; mv d.pid e.pid; daemon d; start-stop-daemon --stop -x $PWD/d --retry 30", []string{
			`start-stop-daemon: signal=TERM ` + process + `d rule=same-file`,
			`start-stop-daemon: signal=TERM ` + process + `d rule=same-file`}},
		"asked only": {"daemon d; start-stop-daemon --stop -s 0 -p d.pid; start-stop-daemon --stop --test -p d.pid; start-stop-daemon -T -p d.pid", nil},
		"nobody":     {"pidproof killproc -p none.pid /bin/cat; pidproof killproc -p none.pid /bin/cat TERM", nil},
		"adopt": {"daemon d; rm d.pid; pidproof adopt --yes -p $PWD/d.pid $PWD/d", []string{
			`adopt: done=adopted ` + process + `d rule=same-file pidfile=\S+/d\.pid`}},
		"restart": {bounce + "pidproof restart --replaced", []string{
			`restart: instance=d command=\S+/bounce done=restarted pid=.* rule=replaced pidfile=\S+/d\.pid`}},
		"restart failed": {bounce + `printf '#!/bin/sh\nexit 7\n' >bounce; pidproof restart --replaced || [ $? = 1 ]`, []string{
			`restart: instance=d command=\S+/bounce done="not restarted: the command exited with 7; .*pid=`}},
		"quiesce": {`mkdir init; cp "$(command -v demod)" food; printf '#!/bin/sh\nDAEMON=%s\n' "$PWD/food" >init/food; chmod 755 init/food; mount --bind init /etc/init.d
[ ! -e /usr/sbin/policy-rc.d ] || mount --bind /bin/true /usr/sbin/policy-rc.d; pidproof quiesce food`, []string{`quiesce: service=food exit=0`}},
		"after-upgrade": {bounce + "mount -t tmpfs none /etc/default; echo AFTER_UPGRADE=restart >/etc/default/pidproof; pidproof after-upgrade", []string{
			`after-upgrade: instance=d command=\S+/bounce done=restarted pid=`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, path := logSocket(t)
			withLog(t, path, test.script)
			got := lines(t, conn)
			if len(got) != len(test.want) {
				t.Fatalf("got %q", got)
			}
			for i, line := range got {
				if !regexp.MustCompile(head+test.want[i]).MatchString(line) || !regexp.MustCompile(caller).MatchString(line) {
					t.Errorf("got %s\nwant %s", line, test.want[i])
				}
			}
		})
	}
}

// bounce registers an instance that runs the binary of before an upgrade.
const bounce = `export PIDPROOF_INSTANCES=$PWD/instances
daemon d
printf '#!/bin/sh\ncd %s && kill "$(cat d.pid)" && while [ -e d.pid ]; do sleep 0.1; done && exec ./d -daemonize -pidfile $PWD/d.pid\n' "$PWD" >bounce
chmod 755 bounce
pidproof register d -p $PWD/d.pid $PWD/d --restart $PWD/bounce
cp d e
mv e d
`

// TestRecordEscapes: names that others choose are no fields, and no other lines.
func TestRecordEscapes(t *testing.T) {
	conn, path := logSocket(t)
	withLog(t, path, `evil=$(printf 'a" rule=x\n<0>su: \033[2J\351')
daemon "$evil"
cp "$(command -v sh)" 'b" pid=1'
./b\"\ pid=1 -c 'pidproof killproc -p "$1.pid" "./$1"; :' sh "$evil"
long=$(printf '%0255d' 0)
mkdir -p "$long/$long/$long" && cp "$evil" "$long/$long/$long/d" && cd "$long/$long/$long"
./d -daemonize -pidfile d.pid && pidproof killproc -p d.pid ./d`)
	got := lines(t, conn)
	if len(got) != 2 {
		t.Fatalf("got %q", got)
	}
	for _, has := range []string{`/a\" rule=x\n<0>su: \x1b[2J\xe9" rule=same-file`, ` caller_name="b\" pid=1" caller_uid=0`} {
		if !strings.Contains(got[0], has) || strings.ContainsAny(got[0], "\n\x1b") {
			t.Errorf("%s is not in %q", has, got[0])
		}
	}
	if len(got[1]) > 1024 || !strings.Contains(got[1], "... rule=same-file") {
		t.Errorf("%d bytes: %q", len(got[1]), got[1])
	}
}

// TestRecordWaitsForNobody: a log that nobody reads, that is dead, is none, or is not
// there, neither keeps a command nor changes what it says.
func TestRecordWaitsForNobody(t *testing.T) {
	need.Root(t)
	_, full := logSocket(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	for err == nil {
		err = unix.Sendto(fd, []byte("full"), unix.MSG_DONTWAIT, &unix.SockaddrUnix{Name: full})
	}
	if !errors.Is(err, unix.EAGAIN) {
		t.Fatal(err)
	}
	dead, deadPath := logSocket(t)
	dead.Close()
	stream, err := net.Listen("unix", deadPath+"-stream")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stream.Close() })
	fifo := deadPath + "-fifo"
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, log := range map[string]string{
		"full": full, "dead": deadPath, "stream": stream.Addr().String(), "FIFO": fifo, "directory": os.TempDir(), "dangling": "/no/such", "none": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if said := withLog(t, log, "daemon d; pidproof killproc -p d.pid ./d; [ ! -e d.pid ]"); said != "" {
				t.Error(said)
			}
		})
	}
}
