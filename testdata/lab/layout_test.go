package lab

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// TestOtherLayout: a host under OpenRC that has nothing of Debian's, neither its functions nor invoke-rc.d nor diversions,
// with what the .rpm and the .apk hold. What cannot work there says why, and does nothing.
func TestOtherLayout(t *testing.T) {
	t.Parallel()
	need.Program(t, "make")
	h := BootOpenRC(t)
	h.Must(t, "rm -rf /usr/lib/lsb /usr/sbin/invoke-rc.d /usr/sbin/update-rc.d /usr/bin/deb-systemd-invoke /usr/bin/dpkg-divert")
	tree := t.TempDir()
	if err := done(exec.Command("make", "-C", "../..", "install", "DESTDIR="+tree, "PREFIX=/usr", "WRAPPERS=", "APTHOOK=")); err != nil {
		t.Fatal(err)
	}
	h.Copy(t, tree, "/")
	script, err := os.ReadFile("../../scripts/packages/postinstall")
	if err != nil {
		t.Fatal(err)
	}
	h.Must(t, string(script))
	buildDemod := t.TempDir()
	BuildInto(t, buildDemod, demodFile, "../demod")
	h.Copy(t, buildDemod, "/")
	h.Must(t, `cat >/etc/init.d/demod <<'END'
#!/sbin/openrc-run
command=/usr/sbin/demod
command_args="-daemonize -pidfile /run/demod.pid -listen 127.0.0.1:8085"
pidfile=/run/demod.pid
END
chmod 755 /etc/init.d/demod; rc-service demod start`)
	const check = "pidproof check -p /run/demod.pid demod"
	const noInvokeRC = "its restart command cannot be run: invoke-rc.d is neither in PATH nor in the sbin directories"
	for _, c := range []struct {
		command string
		code    int
		words   string // of what is said
	}{
		{check, 0, "its executable is the very file /usr/sbin/demod"},
		{"pidproof register demod -p /run/demod.pid /usr/sbin/demod", 0, "pidproof: demod: " + noInvokeRC},
		{"cp /usr/sbin/demod /usr/sbin/demod.new && mv /usr/sbin/demod.new /usr/sbin/demod && " + check, 0, "of before it was replaced"},
		{"pidproof restart --replaced --dry-run", 0, "demod: would not be restarted: " + noInvokeRC},
		{"pidproof restart --replaced", 1, "demod: failed: " + noInvokeRC},
		{"pidproof invoke-rc.d demod stop", 102, "pidproof: there is no real invoke-rc.d on this host"},
		{"pidproof deb-systemd-invoke stop demod", 127, "pidproof: there is no real deb-systemd-invoke on this host"},
		{"pidproof quiesce demod", 4, "pidproof: demod: not stopped: there is no real invoke-rc.d on this host"},
		{"pidproof after-upgrade", 0, ""},
		{check, 0, "of before it was replaced"}, // nobody has touched it
		{"pidproof unregister demod && pidproof register demod -p /run/demod.pid /usr/sbin/demod --restart rc-service demod restart", 0, ""},
		{"pidproof restart --replaced", 0, "1 instance ran an old binary: 1 restarted."},
		{check, 0, "its executable is the very file /usr/sbin/demod"},
		{". /lib/lsb/init-functions && pidofproc demod >/dev/null && status_of_proc demod && killproc demod", 0, "demod is running"},
		{check, 3, ""},
		{"pidproof unquiesce --all", 0, "Nothing is held off."}, // what the packages ask as they go
	} {
		if result := h.Sh(t, c.command); result.Code != c.code || !strings.Contains(result.Stdout+result.Stderr, c.words) {
			t.Errorf("%s: %+v, want exit %d, and %q", c.command, result, c.code, c.words)
		}
	}
}
