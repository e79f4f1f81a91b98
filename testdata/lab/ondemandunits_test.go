package lab

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	if service != "" {
		script += "systemctl --quiet --no-reload enable " + service + "\n"
	}
	m.Must(t, script+"systemctl daemon-reload\n")
	t.Cleanup(func() { m.forget(t, append(slices.Sorted(maps.Keys(files)), name+".socket")) })
	return m
}

// forget ends units, and takes them away: with two hundred that tests had left, each of the next ones' daemon-reloads took
// 115 ms instead of 50. Nobody waits for it: systemd drops them with the next one.
func (m modular) forget(t *testing.T, units []string) {
	t.Helper()
	script := "systemctl --quiet --no-block stop " + strings.Join(units, " ") + "; cd /etc/systemd/system && rm -rf"
	for _, unit := range units {
		script += fmt.Sprintf(" %[1]s *.wants/%[1]s %[1]s.d", unit)
	}
	m.Sh(t, script)
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
	got := strings.Split(strings.TrimSpace(m.Must(t, "systemctl show --property ActiveState --value "+strings.Join(units, " "))), "\n\n")
	if len(got) != len(units) {
		t.Fatalf("the states of %q are %q", units, got)
	}
	for i, unit := range units {
		if got[i] != want {
			t.Errorf("%s is %s, want %s", unit, got[i], want)
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
func (m modular) processes(t *testing.T) (found []string) {
	t.Helper()
	lines, err := filepath.Glob(m.path("root/proc/[0-9]*/cmdline"))
	if err != nil || len(lines) == 0 {
		t.Fatalf("the host's /proc has %d processes: %v", len(lines), err)
	}
	for _, line := range lines {
		content, err := os.ReadFile(line)
		if err != nil && !notOurs(err) {
			t.Error(err)
		}
		words := strings.ReplaceAll(string(content), "\x00", " ")
		if strings.HasPrefix(words, modulesFile+" ") && strings.HasSuffix(words, "-modules "+m.modules()+" ") {
			found = append(found, filepath.Base(filepath.Dir(line)))
		}
	}
	return found
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
