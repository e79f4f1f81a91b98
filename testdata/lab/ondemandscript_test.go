package lab

import (
	"fmt"
	"hash/fnv"
	"strings"
	"testing"
)

// Without systemd nobody knows the processes of a service: an init script whose stop ends nothing, and exits 0, is not
// believed.
func TestOnDemandScript(t *testing.T) {
	for name, boot := range map[string]func(*testing.T) *Host{"sysvinit": Boot, "OpenRC": BootOpenRC} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := boot(t)
			h.Must(t, "cp /usr/bin/sleep /usr/local/sbin/idled && cp /usr/bin/sleep /usr/local/sbin/otherd")
			installOnDemand(t, h)
			t.Run("stop does nothing", func(t *testing.T) { stopDoesNothing(t, h) })
			t.Run("stop only loses the pidfile", func(t *testing.T) {
				idle(t, h, "lost", "daemon=/usr/local/sbin/otherd\npidfile=/run/${0##*/}.pid", "rm -f $pidfile")
				runsOn(t, h, "lost", 1, "process [0-9]+, which /run/lost.pid named")
			})
			t.Run("stop stops", func(t *testing.T) {
				idle(t, h, "good", "daemon=/usr/local/sbin/otherd\npidfile=/run/good.pid", "kill $(cat $pidfile); rm $pidfile; sleep 0.2")
				got := h.Sh(t, "pidproof quiesce good")
				if got.Code != 0 || got.Stdout != "good is stopped; nothing can start it on demand\n" || got.Stderr != "" {
					t.Errorf("%+v", got)
				}
			})
			t.Run("it says not what it runs", func(t *testing.T) {
				idle(t, h, "mute", "d=/usr/local/sbin/otherd\npidfile=$(echo /run/mute.pid)\ndaemon=$(echo $d)", ":")
				runsOn(t, h, "mute", 4, "is not known: it names no daemon")
				h.Must(t, "pidproof register mute -p /run/mute.pid /usr/local/sbin/otherd")
				runsOn(t, h, "mute", 1, "otherd is running")
			})
			t.Run("interrupted", func(t *testing.T) { interrupted(t, h) })
			t.Run("taken away", func(t *testing.T) { restoredFirst(t, h) })
		})
	}
}

// idle makes a service of a program that sleeps, and starts it.
func idle(t *testing.T, h *Host, name, variables, stop string) {
	t.Helper()
	h.Must(t, fmt.Sprintf(`cat >/etc/init.d/%[1]s <<'END'
`+scriptHeader+`%[2]s
case $1 in
start) start-stop-daemon --start --background --make-pidfile --pidfile $pidfile --startas $daemon -- 3600 ;;
stop) %[3]s ;;
esac
END
		chmod 755 /etc/init.d/%[1]s && update-rc.d %[1]s defaults && invoke-rc.d %[1]s start
		pidproof wait started -p /run/%[1]s.pid -t 60 $(sed -n 's/^d[a-z]*=\(\/.*\)/\1/p' /etc/init.d/%[1]s)`, name, variables, stop))
}

func stopDoesNothing(t *testing.T, h *Host) {
	idle(t, h, "idle", "daemon=/usr/local/sbin/idled\npidfile=/run/idle.pid", ":")
	runsOn(t, h, "idle", 1, "idled is running: PID [0-9]+ from /run/idle.pid")
	want := h.Sh(t, realInvoke+" idle stop")
	got := h.Sh(t, "invoke-rc.d idle stop")
	if got.Code != want.Code || got.Code != 0 || got.Stdout != want.Stdout || strings.Count(got.Stderr, "\n") != 1+strings.Count(want.Stderr, "\n") ||
		!strings.Contains(got.Stderr, "idle runs on") {
		t.Errorf("the wrapper: %+v, the real program: %+v", got, want)
	}
	h.Must(t, "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d")
	want, got = h.invoke(t, realInvoke, "idle stop"), h.invoke(t, "invoke-rc.d", "idle stop")
	want.Stderr = strings.ReplaceAll(want.Stderr, ".real:", ":")
	if got.Stderr = strings.ReplaceAll(got.Stderr, ".real:", ":"); got != want {
		t.Errorf("denied: %+v, the real program: %+v", got, want)
	}
	h.Must(t, "rm /usr/sbin/policy-rc.d")
}

// runsOn requires that quiesce does not say that it is stopped, but what is known.
func runsOn(t *testing.T, h *Host, name string, code int, says string) {
	t.Helper()
	got := h.Sh(t, "pidproof quiesce "+name+" 2>&1")
	if got.Code != code || strings.Contains(got.Stdout, name+" is stopped;") || h.Sh(t, "printf %s '"+got.Stdout+"' | grep -Eq '"+says+"'").Code != 0 {
		t.Errorf("quiesce %s: exit %d, %s; want %d, %s", name, got.Code, got.Stdout, code, says)
	}
}

func interrupted(t *testing.T, h *Host) {
	idle(t, h, "slow", "daemon=/usr/local/sbin/otherd\npidfile=/run/slow.pid", "sleep 60")
	// Ctrl-C, once the script is at work.
	const run = `exec 2>&1; pkill -xf 'sleep 60'
		env --default-signal=INT setsid sh -c 'trap : INT; echo $$ >/run/slow.group; pidproof quiesce slow; code=$?; exit $code' &
		until pgrep -xf 'sleep 60' >/dev/null; do sleep 0.05; done
		/bin/kill -INT -- -$(cat /run/slow.group); wait $!`
	if got := h.Sh(t, run); got.Code != 130 || !strings.Contains(got.Stdout, "slow: interrupt: whether it is stopped was not looked at; nothing is held off\n") {
		t.Errorf("%+v", got)
	}
	h.Must(t, `mkdir -p /run/pidproof/quiesced && echo '{"schema":1,"service":"slow","units":["slow.socket"],"inetd":false,"on_demand":0}' >/run/pidproof/quiesced/slow`)
	if got := h.Sh(t, run); got.Code != 130 || !strings.Contains(got.Stdout, `held off until "invoke-rc.d slow start" or "pidproof unquiesce slow": slow.socket`) {
		t.Errorf("%+v", got)
	}
}

// restoredFirst: with the wrapper nobody would be left who gives back what is held off.
func restoredFirst(t *testing.T, h *Host) {
	const heldLine = `# Held off by pidproof for modd, until "invoke-rc.d modd start" or "pidproof unquiesce modd": modd stream tcp (%s)
#<off># modd stream tcp nowait root /usr/local/sbin/otherd otherd
`
	const line = "modd stream tcp nowait root /usr/local/sbin/otherd otherd\n"
	sum := fnv.New32a()
	sum.Write([]byte(strings.TrimSuffix(line, "\n")))
	hold := func() {
		t.Helper()
		h.Must(t, fmt.Sprintf("cat >/etc/inetd.conf <<'END'\n"+heldLine+"END", fmt.Sprintf("%08x", sum.Sum32())))
	}
	hold()
	if got := h.Sh(t, "pidproof unquiesce --all"); got.Code != 0 || got.Stdout != "modd: restored: /etc/inetd.conf\nslow: nothing is left to restore.\n" {
		t.Errorf("unquiesce --all: %+v", got)
	}
	if got := h.Must(t, "pidproof unquiesce --all; cat /etc/inetd.conf"); got != "Nothing is held off.\n"+line {
		t.Errorf("once more: %s", got)
	}
	hold()
	h.Must(t, "mv /usr/sbin/pidproof /usr/sbin/kept")
	if got := h.Sh(t, divert+" remove invoke-rc.d"); got.Code != 1 || !strings.Contains(got.Stderr, "triggers are held off (see /etc/inetd.conf)") {
		t.Errorf("remove without pidproof: %+v", got)
	}
	h.Must(t, "mv /usr/sbin/kept /usr/sbin/pidproof")
	if got := h.Must(t, divert+" remove invoke-rc.d; cat /etc/inetd.conf"); got != "modd: restored: /etc/inetd.conf\n"+line {
		t.Errorf("remove: %s", got)
	}
}
