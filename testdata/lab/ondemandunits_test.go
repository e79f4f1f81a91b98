package lab

import (
	"fmt"
	"strings"
	"testing"
)

const (
	modulesFile = "/usr/local/sbin/moduled"
	realInvoke  = "invoke-rc.d.real" // what the diversion leaves
)

// modular is a service that runs moduled.
type modular struct {
	*Host
	name string
	port int // 0: none
}

func (m modular) address() string { return fmt.Sprintf("127.0.0.1:%d", m.port) }
func (m modular) modules() string { return "/usr/local/lib/modules-" + m.name }
func (m modular) service() string { return m.name + ".service" }
func (m modular) record() string  { return "/run/pidproof/quiesced/" + m.name }
func (m modular) command() string { return modulesFile + " -modules " + m.modules() }

// installModuled puts moduled into the host.
func installModuled(t *testing.T, h *Host) {
	t.Helper()
	tree := t.TempDir()
	BuildInto(t, tree, modulesFile, "./moduled")
	h.Copy(t, tree, "/")
}

// installOnDemand puts pidproof into the host, and its wrapper in the place of invoke-rc.d.
func installOnDemand(t *testing.T, h *Host) {
	t.Helper()
	installPidproof(t, h)
	h.Must(t, "set -e\n"+readmeCommands(t, "invoke-rc.d"))
}

// version writes one of the two modules, or both, whole or not at all, as dpkg does.
func (m modular) version(t *testing.T, version string, modules ...string) {
	t.Helper()
	for _, module := range modules {
		m.Must(t, fmt.Sprintf("mkdir -p %[1]s && echo %[2]s >%[1]s/new && mv %[1]s/new %[1]s/%[3]s",
			m.modules(), version, module))
	}
}

// newUnits makes a service, with old modules, and the units given as NAME and what the file says. Nothing is started.
// The service is enabled: invoke-rc.d starts no other.
func newUnits(t *testing.T, h *Host, name string, port int, units map[string]string) modular {
	t.Helper()
	m := modular{h, name, port}
	m.version(t, "old", "first", "second")
	service := name + ".service"
	if strings.Contains(units[service]+units[name+"@.service"], "ExecStart=") {
		service = ""
	}
	files := map[string]string{}
	if service != "" {
		files[service] = fmt.Sprintf("[Service]\nExecStart=%s\n", m.command())
	}
	for unit, content := range units {
		files[unit] += content
	}
	script := "set -e; cd /etc/systemd/system\n"
	for unit, content := range files {
		if strings.HasSuffix(unit, ".service") && !strings.Contains(unit, "@") {
			content += "[Install]\nWantedBy=multi-user.target\n"
		}
		script += fmt.Sprintf("cat >%s <<'END'\n%s\nEND\n", unit, content)
	}
	script += "systemctl daemon-reload\n"
	if service != "" {
		script += "systemctl --quiet enable " + service + "\n"
	}
	m.Must(t, script)
	return m
}

func (m modular) socket() string {
	return fmt.Sprintf("[Socket]\nListenStream=%s\n", m.address())
}

// state is systemd's ActiveState of a unit.
func (m modular) state(t *testing.T, unit string) string {
	t.Helper()
	return strings.TrimSpace(m.Must(t, "systemctl show --property ActiveState --value "+unit))
}

func (m modular) states(t *testing.T, want string, units ...string) {
	t.Helper()
	for _, unit := range units {
		if got := m.state(t, unit); got != want {
			t.Errorf("%s is %s, want %s", unit, got, want)
		}
	}
}

// running is the service's main process, 0 if there is none.
func (m modular) running(t *testing.T) int {
	t.Helper()
	return number(m.Must(t, "systemctl show --property MainPID --value "+m.service()))
}

// comesBack requires that something starts the service again once it is stopped, as long as nothing is held off. What
// starts it may have the stop's job cancelled.
func (m modular) comesBack(t *testing.T, what string) {
	t.Helper()
	before := m.running(t)
	eventually(t, what+" starts it again (the control)", func() bool {
		now := m.running(t)
		if now == before {
			m.Sh(t, "timeout 60 "+realInvoke+" "+m.name+" stop") // systemctl may wait for ever for a job that was cancelled
		}
		return now != before && now != 0
	})
}

// processes lists the service's processes, told from /proc alone.
func (m modular) processes(t *testing.T) []string {
	t.Helper()
	return strings.Fields(m.Must(t, "pgrep -f -- '^"+modulesFile+" .*-modules "+m.modules()+"$' || :"))
}

// call requires that invoke-rc.d ends with an exit code.
func (m modular) call(t *testing.T, code int, words ...string) Result {
	t.Helper()
	result := m.Run(t, "invoke-rc.d", words...)
	if result.Code != code {
		t.Errorf("invoke-rc.d %q: %+v, want exit %d", words, result, code)
	}
	return result
}

// gone requires that nothing of the service runs, and that nothing waits to start it.
func (m modular) gone(t *testing.T, triggers ...string) {
	t.Helper()
	m.states(t, "inactive", append(triggers, m.service())...)
	if left := m.processes(t); len(left) > 0 {
		t.Errorf("%s is stopped, and these run: %v", m.name, left)
	}
}
