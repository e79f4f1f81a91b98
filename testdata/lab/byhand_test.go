package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// TestInstancesByHand: an administrator has made instances of memcached from scripts/example.init, beside the one that
// the package knows of, and is logged in by ssh.
func TestInstancesByHand(t *testing.T) {
	t.Parallel()
	need.Program(t, "make")
	h := Boot(t)
	h.Must(t, `exec 2>&1
		dpkg --purge --force-depends memcached
		rm -rf /etc/memcached* /etc/default/memcached`)
	installSSH(t, h)
	h.Install(t, "memcached")
	installPidproof(t, h)
	installHook(t, h)
	instance := func(name string, port int) service { return installCache(t, h, name, port) }
	f := fleet{h, []service{instance("cache", 11301), instance("cache-foo", 11302)}, instance("cache-bar", 11303), true}
	f.register(t)

	t.Run("nothing to say", f.nothingToSay)
	if !t.Run("report", f.report) { // then nothing runs an old binary
		return
	}
	t.Run("pidfile lost by the package", func(t *testing.T) { testPackageLosesPidfile(t, h) })
	t.Run("restart", f.restartAll)
	t.Run("pidfile lost", f.pidfileLost)
	t.Run("two pidfiles lost", f.twoPidfilesLost)
	t.Run("another's pidfile lost", f.otherPidfileLost)
	t.Run("own session", f.ownSession)
	t.Run("ssh", func(t *testing.T) { testSSH(t, h) })
	t.Run("start after a pidfile was lost", func(t *testing.T) { testLostPidfile(t, h) })
}

// memcached is an instance that listens on a port.
func memcached(name, pidfile string, port int) service {
	works := func(t *testing.T, h *Host) {
		t.Helper()
		eventually(t, name+" answers", func() bool {
			answer, err := h.ask(fmt.Sprint("127.0.0.1:", port), "version\r\n")
			return err == nil && strings.HasPrefix(answer, "VERSION 1.")
		})
	}
	return service{name, "/usr/bin/memcached", pidfile, []string{"memcached"}, works}
}

// installCache makes an instance as the comments of scripts/example.init say, and starts it.
func installCache(t *testing.T, h *Host, name string, port int) service {
	t.Helper()
	example, err := os.ReadFile("../../scripts/example.init")
	if err != nil {
		t.Fatal(err)
	}
	script := strings.NewReplacer(
		"/usr/sbin/example", "/usr/bin/memcached", "example", "cache", "--daemonize", "--daemon")
	tree := t.TempDir()
	for file, content := range map[string]string{
		"init.d/cache": script.Replace(string(example)),
		// memcached writes its pidfile as the user that it has become.
		"default/" + name: fmt.Sprintf(`OPTIONS='--user=memcache --listen=127.0.0.1 --port=%d'
pidfile=/run/%s/memcached.pid
install -d -o memcache /run/%[2]s
`, port, name),
	} {
		file = filepath.Join(tree, "etc", file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.Copy(t, tree, "/")
	if name != "cache" {
		h.Must(t, `instance=$(sed -n 's/^#   //p' /etc/init.d/cache | sed 's/-foo/`+strings.TrimPrefix(name, "cache")+`/g')
			test -n "$instance" && eval "$instance"`)
	}
	h.Must(t, fmt.Sprintf("update-rc.d %s defaults && invoke-rc.d %[1]s start", name))
	s := memcached(name, "/run/"+name+"/memcached.pid", port)
	s.works(t, h)
	s.call(t, h, "status", 0)
	return s
}

// testPackageLosesPidfile: at an upgrade memcached's postrm removes the pidfile, so that the restart in its postinst
// finds nobody to stop, starts a second process, and puts the PID of that into the pidfile. The second ends, because
// the first has the port.
func testPackageLosesPidfile(t *testing.T, h *Host) {
	s := memcached("memcached", "/run/memcached.pid", 11211)
	f := fleet{h, nil, s, false}
	eventually(t, "the pidfile names a process that has ended", func() bool {
		pid := s.pid(t, h)
		return pid != 0 && h.Sh(t, fmt.Sprint("test -e /proc/", pid)).Code == 1
	})
	s.works(t, h)
	// The one of its own option -P, which it can write where systemd-tmpfiles has made the directory.
	h.Must(t, "rm -f /run/memcached/memcached.pid")
	pid := number(h.Must(t, "pgrep -f -- '-p [1]1211'"))

	// Anybody may have started it, for all that is known: root's pidfile is written by hand.
	for _, options := range [][]string{nil, {"--yes"}} {
		if refused := f.adopt(t, s, 1, []int{pid}, options...); !strings.Contains(refused.Stderr, "write its number into "+s.pidfile) {
			t.Errorf("adopt does not say how the pidfile is mended: %+v", refused)
		}
	}
	h.Must(t, fmt.Sprintf("echo %d >%s", pid, s.pidfile))
	s.call(t, h, "status", 0)
	s.call(t, h, "restart", 0)
	eventually(t, "the new one's pidfile is written", func() bool { now := s.pid(t, h); return now != 0 && now != pid })
	f.renewed(t, map[string]int{s.name: pid}, s)
}
