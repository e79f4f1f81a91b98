package lab

import (
	"fmt"
	"strings"
	"testing"
)

// Where nothing starts a service on demand, invoke-rc.d is what it was.

func TestOnDemandPlain(t *testing.T) {
	for name, host := range map[string]struct {
		boot func(*testing.T) *Host
		is   func(*testing.T, *Host)
	}{"sysvinit": {Boot, lifeOfAService}, "OpenRC": {BootOpenRC, isOpenRC}, "systemd": {BootSystemd, isSystemd}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := host.boot(t)
			t.Run("booted", func(t *testing.T) { host.is(t, h) })
			installModuled(t, h)
			m := newScripted(t, h, "plain", 7200)
			installOnDemand(t, h)
			m.plain(t)
			m.inChroot(t)
			m.withoutPidproof(t)
			if name == "sysvinit" {
				takenAway(t, h)
			}
		})
	}
}

// newScripted makes a service, with old modules, that has an init script and runs.
func newScripted(t *testing.T, h *Host, name string, port int) modular {
	t.Helper()
	m := modular{h, name, port}
	m.version(t, "old", "first", "second")
	installScript(t, h, name, modulesFile, "-listen 127.0.0.1:"+fmt.Sprint(port+50)+" -modules "+m.modules())
	m.call(t, 0, name, "start")
	return m
}

// scriptHeader begins an init script; its name is the first argument.
const scriptHeader = `#!/bin/sh
### BEGIN INIT INFO
# Provides:          %[1]s
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: %[1]s
### END INIT INFO
`

// installScript makes an init script for a program that stays in the foreground. Any init knows what to do with it.
func installScript(t *testing.T, h *Host, name, daemon, options string) {
	t.Helper()
	h.Must(t, fmt.Sprintf(`cat >/etc/init.d/%[1]s <<'END'
`+scriptHeader+`DAEMON=%[2]s
PIDFILE=/run/%[1]s.pid
case $1 in
start)
	start-stop-daemon --start --oknodo --background --make-pidfile --pidfile $PIDFILE --exec $DAEMON -- %[3]s
	for try in $(seq 600); do # until it has executed DAEMON
		start-stop-daemon --status --pidfile $PIDFILE --exec $DAEMON && exit 0
		sleep 0.1
	done
	exit 1
	;;
stop) start-stop-daemon --stop --oknodo --retry 5 --remove-pidfile --pidfile $PIDFILE --exec $DAEMON ;;
restart) $0 stop && $0 start ;;
status) start-stop-daemon --status --pidfile $PIDFILE --exec $DAEMON ;;
*) echo "usage: $0 start|stop|restart|status" >&2; exit 3 ;;
esac
END
		chmod 755 /etc/init.d/%[1]s
		update-rc.d %[1]s defaults
		if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi`, name, daemon, options))
}

// plain requires that the wrapper does, says and returns what the real program does, step by step.
func (m modular) plain(t *testing.T) {
	steps := []string{"start", "stop", "stop", "status", "start", "status",
		"restart", "try-restart", "nonsense", "stop", "start"}
	life := func(program string) (results []Result) {
		for _, step := range steps {
			result := m.invoke(t, program, m.name+" "+step)
			running := m.Sh(t, "start-stop-daemon --status --pidfile /run/plain.pid --exec "+modulesFile).Code == 0
			result.Stderr += fmt.Sprint("it runs: ", running)
			results = append(results, result)
		}
		return results
	}
	want, got := life(realInvoke), life("invoke-rc.d")
	for i, step := range steps {
		if step == "status" { // under systemd it shows times and PIDs
			got[i].Stdout, want[i].Stdout = "", ""
		}
		if got[i] != want[i] {
			t.Errorf("step %d, %s: %+v, the real one: %+v", i, step, got[i], want[i])
		}
	}
	m.unitsPlain(t, "")
	m.Must(t, realInvoke+" plain start")
	stop := m.invoke(t, realInvoke, "plain stop")
	m.Must(t, realInvoke+" plain start")
	if allowed := m.invoke(t, "invoke-rc.d", "plain stop --allow-on-demand"); allowed != stop {
		t.Errorf("stop --allow-on-demand: %+v, the real stop: %+v", allowed, stop)
	}
	if listed := m.Must(t, "pidproof triggers plain"); listed != "plain: nothing can start it on demand\n" {
		t.Errorf("triggers: %q", listed)
	}
	if left := m.Sh(t, "ls -A /run/pidproof/quiesced").Stdout; left != "" {
		t.Errorf("recorded: %s", left)
	}
}

// unitsPlain requires that deb-systemd-invoke is the real one, whether or not there is a systemd that it could call.
func (m modular) unitsPlain(t *testing.T, enter string) {
	t.Helper()
	for _, call := range []string{"stop plain.service", "restart plain.service plain.socket", "start plain.service", "stop plain nosuch.service", "--user stop plain", "stop"} {
		want, got := m.Sh(t, enter+realUnits+" "+call), m.Sh(t, enter+"deb-systemd-invoke "+call)
		if got != want {
			t.Errorf("%sdeb-systemd-invoke %s: %+v, the real one: %+v", enter, call, got, want)
		}
	}
}

// inChroot: no init, and no /proc and /run, as while an installer sets up a system, or those of the host.
func (m modular) inChroot(t *testing.T) {
	for mount, calls := range map[string][]string{
		"--bind":  {"plain stop", "plain start", "plain stop --allow-on-demand", "--query plain start"},
		"--rbind": {"plain stop", "plain stop --allow-on-demand", "--query plain start"},
	} {
		enter := "unshare -m sh -c 'mkdir -p /run/chroot && mount " + mount + " / /run/chroot && " +
			"exec chroot /run/chroot \"$@\"' sh "
		for _, call := range calls {
			want := m.invoke(t, enter+realInvoke, strings.TrimSuffix(call, " --allow-on-demand"))
			if got := m.invoke(t, enter+"invoke-rc.d", call); got != want {
				t.Errorf("in a chroot, %s: invoke-rc.d %s: %+v, the real one: %+v", mount, call, got, want)
			}
		}
		m.unitsPlain(t, enter)
	}
}

// withoutPidproof: a broken pidproof must not keep a package from being removed.
func (m modular) withoutPidproof(t *testing.T) {
	m.Must(t, realInvoke+" plain start")
	for _, broken := range []string{"chmod 644", "rm -f"} {
		m.Must(t, broken+" /usr/sbin/pidproof")
		m.unitsPlain(t, "")
		for _, call := range []string{"plain stop", "plain start", "plain stop --allow-on-demand", "plain start",
			"--allow-on-demand plain stop", "plain start", "plain restart"} {
			if result := m.invoke(t, "invoke-rc.d", call); result.Code != 0 {
				t.Errorf("%s pidproof: invoke-rc.d %s: %+v", broken, call, result)
			}
			pids := len(m.processes(t))
			if stops := strings.Contains(call, "stop"); stops != (pids == 0) {
				t.Errorf("%s pidproof: invoke-rc.d %s: %d processes", broken, call, pids)
			}
		}
	}
}

// invoke calls the wrapper or the real program, which names itself in what it says.
func (h *Host) invoke(t *testing.T, program, call string) Result {
	t.Helper()
	result := h.Sh(t, program+" "+call)
	result.Stderr = strings.ReplaceAll(result.Stderr, realInvoke+":", "invoke-rc.d:")
	return result
}

// takenAway: the wrapper survives an upgrade of the package that it stands before, and what it leaves is that package's.
func takenAway(t *testing.T, h *Host) {
	h.Install(t, "init-system-helpers")
	for name, path := range map[string]string{"invoke-rc.d": "/usr/sbin/invoke-rc.d", "deb-systemd-invoke": "/usr/bin/deb-systemd-invoke"} {
		h.Must(t, divert+" status "+name+" && "+divert+" remove "+name)
		if left := h.Must(t, "ls "+path+"*; dpkg-divert --list '*"+name+"*'"); left != path+"\n" {
			t.Errorf("left: %s", left)
		}
	}
	h.Must(t, "dpkg --verify init-system-helpers | grep invoke && exit 1; invoke-rc.d plain status")
}
