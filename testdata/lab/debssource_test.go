package lab

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

// TestDebsSource is for the long runs only: Debian 13 builds our source package, with its own Go and without a network, and
// installs what it has built.
func TestDebsSource(t *testing.T) {
	if !rounds.Long() {
		return
	}
	t.Parallel()
	need.Program(t, "dpkg-source")
	need.Program(t, "git")
	dist := filepath.Join(t.TempDir(), "dist")
	make := exec.Command("make", "-s", "-C", "../..", "dsc", "DIST="+dist, "STAGE="+filepath.Join(t.TempDir(), "stage"), "VERSION=1.0")
	if err := done(make); err != nil {
		t.Fatal(err)
	}
	h := bootTrixie(t)
	h.Install(t, "golang-go", "make", "dpkg-dev", "xz-utils")
	h.Must(t, "mkdir /var/tmp/source")
	h.Copy(t, dist, "/var/tmp/source")
	// Without -d it would ask for a C compiler, which is build-essential, and which nothing here needs.
	h.Must(t, `exec 2>&1; cd /var/tmp/source && dpkg-source -x *.dsc tree && cd tree && sed -n 's/^Build-Depends: //p' debian/control | grep -q 'golang-go (>= 2:1.24' &&
		chown -R nobody /var/tmp/source && setpriv --reuid=65534 --clear-groups env HOME=/nonexistent dpkg-buildpackage -d -us -uc`)
	built := h.Must(t, "cd /var/tmp/source && ls *.deb *.changes")
	if want := "pidproof-wrappers_1.0_all.deb\npidproof_1.0_amd64.changes\npidproof_1.0_amd64.deb\n"; strings.ReplaceAll(built, h.Must(t, "dpkg --print-architecture | tr -d '\\n'"), "amd64") != want {
		t.Errorf("built %q, want %q", built, want)
	}
	h.Must(t, "dpkg --install /var/tmp/source/*.deb 2>&1")
	wrappers(t, h, true)
	if said := h.Must(t, "pidproof version; dpkg -f /var/tmp/source/pidproof_1.0_*.deb Static-Built-Using"); !strings.Contains(said, "1.0") || !strings.Contains(said, "golang-1.24 (= ") {
		t.Errorf("it says %s", said)
	}
	h.Must(t, "dpkg --purge pidproof-wrappers pidproof 2>&1")
}
