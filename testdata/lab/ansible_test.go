//go:build fleet

package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/testdata/need"
	"pidproof/testdata/waiting"
)

// controller is this machine, where a real ansible-playbook runs that reaches the hosts over ssh.
type controller struct {
	dir   string // its files
	hosts map[string]*Host
}

// TestAnsible has the role and the plays of scripts/ansible do what docs/fleets.md says, on two hosts that run two instances
// of a daemon each: install, register, collect, restart one host after another.
func TestAnsible(t *testing.T) {
	t.Parallel()
	needs(t)
	for _, program := range []string{"ansible-playbook", "ssh", "ssh-keygen", "busybox", "dpkg-deb"} {
		need.Program(t, program)
	}
	c := controller{t.TempDir(), map[string]*Host{}}
	if err := done(exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", c.dir+"/key")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		h := Boot(t)
		c.hosts[name] = h
		c.letIn(t, h)
		// Its script asks pidproof, which is then taken away again.
		installPidproof(t, h)
		installExample(t, h)
		for _, d := range []demod{demodMain, demodFoo} {
			h.Must(t, d.script()+" start")
		}
		h.Must(t, "rm -rf /usr/sbin/pidproof /usr/share/pidproof /lib/lsb/init-functions.d/60-pidproof")
	}
	c.inventory(t)
	c.build(t)
	if !t.Run("install", c.installs) {
		return
	}
	t.Run("register", c.registers)
	t.Run("collect", c.collects)
	t.Run("restart", c.restarts)
	t.Run("failure", c.stopsAtFailure)
}

// letIn has the host's sshd let the controller in, which reaches it in its own network.
func (c controller) letIn(t *testing.T, h *Host) {
	t.Helper()
	installSSH(t, h)
	key, err := os.ReadFile(c.dir + "/key.pub")
	if err != nil {
		t.Fatal(err)
	}
	h.Must(t, "cat >>/root/.ssh/authorized_keys <<'END'\n"+string(key)+"END")
}

func (c controller) inventory(t *testing.T) {
	t.Helper()
	var lines strings.Builder
	for name, h := range c.hosts {
		fmt.Fprintf(&lines, "%s ansible_ssh_common_args='-o ProxyCommand=\"nsenter --net=%s busybox nc 127.0.0.1 22\"'\n", name, h.path("ns/net"))
	}
	fmt.Fprintf(&lines, `[all:vars]
ansible_user=root
ansible_python_interpreter=/usr/bin/python3
ansible_ssh_private_key_file=%s/key
`, c.dir)
	variables := `
pidproof_packages: [` + c.dir + `/pidproof.deb]
pidproof_reports: ` + c.dir + `/reports
pidproof_instances:
  - { name: demod, pidfile: /run/demod.pid, daemon: /usr/sbin/demod }
  - { name: demod-foo, pidfile: /run/demod-foo.pid, daemon: /usr/sbin/demod, restart: [/etc/init.d/demod-foo, restart] }
`
	c.write(t, "hosts", lines.String())
	c.write(t, "ansible.cfg", `[defaults]
host_key_checking = False
nocolor = True
local_tmp = `+c.dir+`/tmp
[ssh_connection]
pipelining = True
ssh_args = -o ControlMaster=auto -o ControlPersist=yes -o UserKnownHostsFile=`+c.dir+`/known
control_path_dir = `+c.dir+`/connections
`)
	t.Cleanup(func() { c.disconnect(t) }) // before the hosts end
	c.write(t, "variables.yml", variables)
}

func (c controller) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// disconnect ends the connections that ansible has left open for its next play, each a process of its own.
func (c controller) disconnect(t *testing.T) {
	sockets, err := filepath.Glob(c.dir + "/connections/*")
	if err != nil || len(sockets) == 0 {
		t.Errorf("ansible has left no connection: %v", err)
	}
	for _, socket := range sockets {
		if err := done(exec.Command("ssh", "-O", "exit", "-S", socket, "nobody")); err != nil {
			t.Error(err)
		}
	}
}

// build makes a Debian package of what `make install` installs.
func (c controller) build(t *testing.T) {
	t.Helper()
	tree, err := Installed()
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, "control", "Package: pidproof\nVersion: 0.2.0\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: for a test\n")
	script := `cp -r "$1" package && mkdir package/DEBIAN && cp control package/DEBIAN && dpkg-deb --root-owner-group --build package pidproof.deb`
	build := exec.Command("sh", "-euc", script, "sh", tree)
	build.Dir = c.dir
	if err := done(build); err != nil {
		t.Fatal(err)
	}
}

// play runs a play, and returns what it says, and whether it ended well.
func (c controller) play(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waiting.Limit)
	defer cancel()
	args = append([]string{"-i", c.dir + "/hosts", "-e", "@" + c.dir + "/variables.yml", "../../scripts/ansible/" + name + ".yml"}, args...)
	cmd := exec.CommandContext(ctx, "ansible-playbook", args...)
	cmd.WaitDelay = waiting.Limit
	cmd.Env = append(os.Environ(), "HOME="+c.dir, "ANSIBLE_CONFIG="+c.dir+"/ansible.cfg", "LC_ALL=C.UTF-8")
	said, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, said)
	}
	return string(said), err
}

// plays requires that a play ends well, and that it has changed this many things on each host.
func (c controller) plays(t *testing.T, changed int, name string, args ...string) string {
	t.Helper()
	said, err := c.play(t, name, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, said)
	}
	for host := range c.hosts {
		recap := said[strings.LastIndex(said, "PLAY RECAP"):]
		_, of, _ := strings.Cut(recap, "\n"+host+" ")
		if line, _, _ := strings.Cut(of, "\n"); !strings.Contains(line, fmt.Sprintf("changed=%d ", changed)) {
			t.Errorf("%s, on %s, has not changed %d things:\n%s", name, host, changed, said)
		}
	}
	return said
}

// installs: a dry run says so and does nothing; what fails leaves nothing that a later run takes for done; what is done is
// done once.
func (c controller) installs(t *testing.T) {
	c.write(t, "broken.deb", "no package\n")
	said, err := c.play(t, "install", "-e", "{pidproof_packages: ["+c.dir+"/broken.deb]}")
	if err == nil || strings.Count(said, "pidproof's packages could not be installed: E: ") != len(c.hosts) {
		t.Errorf("install of what is no package: %v\n%s", err, said)
	}
	for _, h := range c.hosts {
		h.Must(t, "test ! -e /var/cache/pidproof")
	}
	if said, err := c.play(t, "install", "--check"); err != nil {
		t.Errorf("install --check: %v\n%s", err, said)
	}
	c.plays(t, 4, "install") // the place, the file, the package, the registrations
	for name, h := range c.hosts {
		h.Must(t, "dpkg --status pidproof | grep -qx 'Status: install ok installed' && pidproof version")
		listed := h.list(t)
		if foo := listed["demod-foo"]; !foo.Registered || foo.State != "running" || strings.Join(foo.Restart, " ") != "/etc/init.d/demod-foo restart" {
			t.Errorf("%s: demod-foo is %+v", name, foo)
		}
	}
	c.plays(t, 0, "install")
}

// registers: another command is registered in the place of the old one, and what is not wanted goes only if that was said.
func (c controller) registers(t *testing.T) {
	for _, h := range c.hosts {
		h.Must(t, "pidproof register sshd -p /run/sshd.pid /usr/sbin/sshd && pidproof unregister demod-foo && "+
			"pidproof register demod-foo -p /run/demod-foo.pid /usr/sbin/demod --restart /bin/false")
	}
	c.plays(t, 2, "install", "-e", "{pidproof_instances: [{name: demod-foo, pidfile: /run/demod-foo.pid, daemon: /usr/sbin/demod, restart: [/etc/init.d/demod-foo, restart]}]}")
	for name, h := range c.hosts {
		if listed := h.list(t); listed["demod-foo"].Restart[0] == "/bin/false" || !listed["demod"].Registered || !listed["sshd"].Registered {
			t.Errorf("%s: registered are %+v", name, listed)
		}
	}
	c.plays(t, 1, "install", "-e", "{pidproof_only_these: true}")
	for name, h := range c.hosts {
		if listed := h.list(t); listed["sshd"].Registered || !listed["demod"].Registered {
			t.Errorf("%s: registered are %+v", name, listed)
		}
	}
}

func (c controller) collects(t *testing.T) {
	if said, err := c.play(t, "collect"); err != nil {
		t.Fatalf("collect: %v\n%s", err, said)
	}
	for name, h := range c.hosts {
		text, err := os.ReadFile(c.dir + "/reports/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := parse(t, text)["demod"], h.list(t)["demod"]; got.PID != want.PID || got.Binary != "current" {
			t.Errorf("%s: demod is %+v, and it was reported as %+v", name, want, got)
		}
	}
}

// upgrade replaces the daemon's file on all hosts, and returns who runs it.
func (c controller) upgrade(t *testing.T) map[string]map[string]listedInstance {
	t.Helper()
	before := map[string]map[string]listedInstance{}
	for name, h := range c.hosts {
		h.Must(t, "cp /usr/sbin/demod /usr/sbin/demod.new && mv /usr/sbin/demod.new /usr/sbin/demod")
		before[name] = h.list(t)
		if before[name]["demod"].Binary != "replaced" {
			t.Fatalf("%s: demod is %+v", name, before[name]["demod"])
		}
	}
	return before
}

// restarts: one host after another, all that runs the old file, once.
func (c controller) restarts(t *testing.T) {
	before := c.upgrade(t)
	if said := c.plays(t, 1, "restart", "--check"); !strings.Contains(said, "demod-foo: would restart: /etc/init.d/demod-foo restart") {
		t.Errorf("restart --check says\n%s", said)
	}
	said := c.plays(t, 1, "restart")
	if strings.Count(said, "\nPLAY [Restart ") != len(c.hosts) {
		t.Errorf("not a play for each host:\n%s", said)
	}
	for name, h := range c.hosts {
		for _, d := range []demod{demodMain, demodFoo} {
			if now, old := h.list(t)[d.name], before[name][d.name]; now.PID == old.PID || now.State != "running" || now.Binary != "current" {
				t.Errorf("%s: %s was %+v and is %+v", name, d.name, old, now)
			}
		}
	}
	c.plays(t, 0, "restart")
}

// stopsAtFailure: what cannot be restarted on the first host is not tried on the second.
func (c controller) stopsAtFailure(t *testing.T) {
	before := c.upgrade(t)
	for _, h := range c.hosts {
		h.Must(t, "mv /etc/default/demod-foo /run/ && echo 'touch /run/tried; exit 1' >/etc/default/demod-foo")
	}
	said, err := c.play(t, "restart", "-e", "{pidproof_restart: [demod-foo]}")
	if err == nil || !strings.Contains(said, "demod-foo: failed: the command exited with 1") || strings.Count(said, "\nPLAY [Restart ") != 1 {
		t.Errorf("restart of what fails: %v\n%s", err, said)
	}
	tried := 0
	for name, h := range c.hosts {
		if now, old := h.list(t)["demod-foo"], before[name]["demod-foo"]; now.PID != old.PID {
			t.Errorf("%s: demod-foo was %+v and is %+v", name, old, now)
		}
		if h.Sh(t, "test -e /run/tried").Code == 0 {
			tried++
		}
	}
	if tried != 1 {
		t.Errorf("it was tried on %d hosts", tried)
	}
}

type listedInstance struct {
	Name, State, Binary string
	Registered          bool
	Restart             []string
	PID                 int
}

func (h *Host) list(t *testing.T) map[string]listedInstance {
	t.Helper()
	return parse(t, []byte(h.Must(t, "pidproof list --json")))
}

func parse(t *testing.T, text []byte) map[string]listedInstance {
	t.Helper()
	var list struct{ Instances []listedInstance }
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	byName := map[string]listedInstance{}
	for _, i := range list.Instances {
		byName[i.Name] = i
	}
	return byName
}
