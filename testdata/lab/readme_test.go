package lab

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What the README shows of real hosts. `make readme` has these tests write it, with -update.

const readmePath = "../../README.md"

var (
	update = flag.Bool("update", false, "write the README's blocks anew")
	// writing keeps two tests from writing the README at one moment.
	writing sync.Mutex
)

// block holds the README's block of that name to what was seen, or writes it. PIDs and times differ from run to run.
func block(t *testing.T, name, seen string) {
	t.Helper()
	if t.Failed() {
		return
	}
	writing.Lock()
	defer writing.Unlock()
	text, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	readme, end := string(text), "<!-- end: "+name+" -->"
	_, rest, begins := strings.Cut(readme, "<!-- begin: "+name+" (make readme) -->\n")
	old, _, ends := strings.Cut(rest, end)
	switch {
	case !begins || !ends:
		t.Fatalf("%s has no block %s", readmePath, name)
	case withoutNumbers(old) == withoutNumbers(seen):
	case *update:
		if err := os.WriteFile(readmePath, []byte(strings.Replace(readme, old+end, seen+end, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s shows\n%s\nseen was\n%s", readmePath, old, seen)
	}
}

// withoutNumbers makes two runs equal: line breaks, too, depend on how long the PIDs are.
func withoutNumbers(s string) string {
	s = regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?`).ReplaceAllString(s, "TIME")
	return strings.Join(strings.Fields(regexp.MustCompile(`\b\d{1,5}\b`).ReplaceAllString(s, "N")), " ")
}

// transcript is what an administrator types, and what he gets.
type transcript struct {
	*Host
	text strings.Builder
}

// does runs a command in a shell of the host, in a terminal's width, and requires its exit code.
func (s *transcript) does(t *testing.T, code int, command string) string {
	t.Helper()
	result := s.Run(t, "bash", "-c", "exec 2>&1; "+command)
	if result.Code != code {
		t.Errorf("%s: exit %d, want %d: %s", command, result.Code, code, result.Stdout)
	}
	fmt.Fprintf(&s.text, "# %s\n%s", command, folded(result.Stdout))
	return result.Stdout
}

// says is a line of ours.
func (s *transcript) says(text string) { fmt.Fprintf(&s.text, "\n%s\n\n", folded(text)) }

// block ends it.
func (s *transcript) block(t *testing.T, name string) {
	t.Helper()
	text := regexp.MustCompile(` +\n`).ReplaceAllString(s.text.String(), "\n")
	block(t, name, "```console\n"+strings.Trim(text, "\n")+"\n```\n")
}

func folded(text string) string {
	fold := exec.Command("fold", "-s", "-w", "80")
	fold.Stdin = strings.NewReader(text)
	out, err := fold.Output()
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// TestReadmeUpgrade is Debian #868861, as an administrator of three instances meets it. Debian 12's pidof is asked; that of
// Debian 13 finds apache2.
func TestReadmeUpgrade(t *testing.T) {
	t.Parallel()
	s := transcript{Host: bootSites(t, machines)}
	if believesTitles(t, s.Host) {
		return
	}
	s.Reinstall(t, "apache2-bin", "apache2")
	said := s.does(t, 1, foo.script()+" restart")
	if !strings.Contains(strings.Join(strings.Fields(said), " "), unmatched) {
		t.Errorf("the script says %s", said)
	}
	installPidproof(t, s.Host)
	s.says("pidproof is installed. Nothing else is changed.")
	s.does(t, 0, "pidproof list apache2 | cut -c -70")
	s.does(t, 0, foo.script()+" restart")
	s.does(t, 0, "pidproof check -p "+foo.runFile()+" apache2")
	foo.answers(t, s.Host)
	s.block(t, "upgrade")
}

// TestReadmeStop is Debian #736258: a client starts what was stopped.
func TestReadmeStop(t *testing.T) {
	t.Parallel()
	s := transcript{Host: BootSystemd(t)}
	installModuled(t, s.Host)
	m := newSocket(t, s.Host, "foo", 7001)
	m.call(t, 0, "foo", "start")
	const connect, active = "head -1 </dev/tcp/127.0.0.1/7001", "systemctl is-active foo.service"
	s.does(t, 0, "invoke-rc.d foo stop")
	s.does(t, 0, connect+" >/dev/null # a client")
	if said := s.does(t, 0, active); said != "active\n" {
		t.Errorf("the service is %s", said)
	}
	installOnDemand(t, s.Host)
	s.says("pidproof and its wrappers are installed.")
	s.does(t, 0, "invoke-rc.d foo stop")
	s.does(t, 1, connect+" # a client")
	if said := s.does(t, 3, active); said != "inactive\n" {
		t.Errorf("the service is %s", said)
	}
	s.does(t, 0, "invoke-rc.d foo start")
	s.does(t, 0, connect+" >/dev/null && "+active)
	s.block(t, "stop")
}

// kindOfHost is one of the hosts that the labs boot.
type kindOfHost struct {
	distribution, init string
	boot               func(*testing.T) *Host
	second             bool // its root is downloaded
}

// TestReadmeHosts tries on each what pidproof promises.
func TestReadmeHosts(t *testing.T) {
	kinds := []kindOfHost{
		{"Debian 12", "sysvinit", Boot, false},
		{"Debian 12", "OpenRC", BootOpenRC, false},
		{"Debian 12", "systemd", BootSystemd, false},
		{"Debian 13", "sysvinit", bootTrixie, true},
		{"Debian 13", "systemd", bootTrixieSystemd, true},
	}
	rows := make([]string, len(kinds))
	t.Run("hosts", func(t *testing.T) {
		for i, kind := range kinds {
			if kind.second && os.Getenv("CI") == "" && !*update {
				continue
			}
			t.Run(kind.distribution+" "+kind.init, func(t *testing.T) {
				t.Parallel()
				rows[i] = kind.row(t)
			})
		}
	})
	text := "| Host | Init system | Questions | Hook | Wrappers | After upgrades | Stop means stopped |\n|---|---|---|---|---|---|---|\n"
	shown, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if row == "" { // it was not booted: what is shown stands
			begins := fmt.Sprintf("| %s | %s |", kinds[i].distribution, kinds[i].init)
			_, rest, _ := strings.Cut(string(shown), begins)
			line, _, _ := strings.Cut(rest, "\n")
			row = begins + line + "\n"
		}
		text += row
	}
	block(t, "hosts", text)
}

// row is what works on such a host, each tried.
func (k kindOfHost) row(t *testing.T) string {
	h := k.boot(t)
	if k.distribution == "Debian 12" && believesTitles(t, h) {
		return "" // this machine is another
	}
	installModuled(t, h)
	var m modular
	if k.init == "systemd" {
		m = newSocket(t, h, "modd", 7100)
		m.call(t, 0, "modd", "start")
	} else {
		m = m.underInetd(t, h)
	}
	installPidproof(t, h)
	examine(t, h).follow(t, h)
	cells := []string{k.distribution, k.init, yes(k.asks(t, h))}
	for _, topic := range []string{"hook", "wrappers", "apt"} {
		said := examine(t, h).topics[topic]
		cells = append(cells, yes(strings.HasPrefix(said, "ok: ")))
	}
	what := "sockets, timers, paths, D-Bus"
	if k.init != "systemd" {
		what = "inetd, xinetd"
	}
	if !m.staysStopped(t) {
		what = "no"
	}
	return "| " + strings.Join(append(cells, what), " | ") + " |\n"
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// underInetd is a service that has an init script, and a line in inetd.conf.
func (modular) underInetd(t *testing.T, h *Host) modular {
	t.Helper()
	h.Must(t, "rm -f /etc/inetd.conf")
	h.Install(t, "openbsd-inetd", "update-inetd")
	m := newScripted(t, h, "modd", 7100)
	h.Must(t, fmt.Sprintf(`printf 'modd 7100/tcp\n' >>/etc/services
		echo 'modd stream tcp nowait root %s moduled -inetd -modules %s' >>/etc/inetd.conf
		invoke-rc.d openbsd-inetd restart`, modulesFile, m.modules()))
	return m
}

// asks: a daemon is known by its pidfile before and after its file was replaced, and every question agrees.
func (k kindOfHost) asks(t *testing.T, h *Host) bool {
	t.Helper()
	h.Must(t, `set -e
		cp -p /usr/bin/sleep /usr/local/sbin/sleepd
		start-stop-daemon --start --background --make-pidfile --pidfile /run/sleepd.pid --exec /usr/local/sbin/sleepd -- 36000`)
	eventually(t, "sleepd runs", func() bool {
		return h.Sh(t, "pidproof check -p /run/sleepd.pid /usr/local/sbin/sleepd").Code == 0
	})
	h.Must(t, "cp -p /usr/bin/sleep /usr/local/sbin/new && mv /usr/local/sbin/new /usr/local/sbin/sleepd")
	said := h.Sh(t, "pidproof explain --json -p /run/sleepd.pid /usr/local/sbin/sleepd")
	var why explanation
	if err := json.Unmarshal([]byte(said.Stdout), &why); err != nil {
		t.Fatal(err)
	}
	return said.Code == 0 && why.Rule == "replaced" && h.Sh(t, "pidproof killproc -p /run/sleepd.pid /usr/local/sbin/sleepd").Code == 0
}

// staysStopped: a client starts it after Debian's stop, and not after ours.
func (m modular) staysStopped(t *testing.T) bool {
	t.Helper()
	l := newLoad(t, m.Host, m.address())
	l.answered(t, time.Now())
	m.Must(t, realInvoke+" modd stop")
	l.answered(t, time.Now()) // as it is without pidproof
	m.call(t, 0, "modd", "start")
	m.call(t, 0, "modd", "stop")
	_, err := m.dial(m.address(), clientPatience)
	stays := errors.Is(err, syscall.ECONNREFUSED)
	m.call(t, 0, "modd", "start")
	return stays
}
