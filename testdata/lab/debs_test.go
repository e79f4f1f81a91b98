package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/testdata/need"
)

// Our own Debian packages, installed by the host's dpkg and apt.

// ourDebs is a folder with pidproof.deb and pidproof-wrappers.deb as `make deb` builds them for this machine; and with
// newer-, which are them once more, of a later version whose wrappers differ.
func ourDebs(t *testing.T) string {
	t.Helper()
	need.Program(t, "dpkg-gencontrol")
	folder, err := built.get("debs", func() (string, error) {
		folder := filepath.Join(shared, "debs")
		made := filepath.Join(folder, "made")
		build := exec.Command("sh", "-euc", makeDebs, "makeDebs", folder, made)
		build.Env = append(os.Environ(), "XZ_LEVEL=0") // 7 s less
		return folder, done(build)
	})
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

const makeDebs = `
mkdir "$1"
make -s -C ../.. deb "ARCHES=$(dpkg --print-architecture)" "DIST=$2" "STAGE=$1/stage" VERSION=1.0
mv "$2"/pidproof_*.deb "$1/pidproof.deb"
mv "$2"/pidproof-wrappers_*.deb "$1/pidproof-wrappers.deb"
rm -rf "$2" "$1"/stage*
cd "$1"
for name in pidproof pidproof-wrappers; do
	dpkg-deb -R $name.deb tree
	sed -i 's/^Version: .*/Version: 2.0/; s/(>= 1.0)/(>= 2.0)/; s/(<< 1.0.1~)/(<< 2.0.1~)/' tree/DEBIAN/control
	for wrapper in start-stop-daemon invoke-rc.d deb-systemd-invoke; do
		[ $name = pidproof ] || echo '# newer' >>tree/usr/share/pidproof/$wrapper
	done
	dpkg-deb --root-owner-group -Znone -b tree newer-$name.deb
	rm -r tree
done`

// debsOf are the files in a host, of a version.
func debsOf(prefix string) string {
	return fmt.Sprintf("%[1]s/%[2]spidproof.deb %[1]s/%[2]spidproof-wrappers.deb", "/var/cache/pidproof-debs", prefix)
}

// bringDebs copies our packages to a host, which may come from a machine that has pidproof itself.
func bringDebs(t *testing.T, h *Host) {
	t.Helper()
	h.Must(t, `for name in start-stop-daemon invoke-rc.d deb-systemd-invoke; do
			[ ! -e /usr/share/pidproof/divert ] || sh /usr/share/pidproof/divert remove $name
		done
		rm -rf /usr/sbin/pidproof /usr/share/pidproof /lib/lsb/init-functions.d/60-pidproof /var/lib/man-db/auto-update
		mkdir -p /var/cache/pidproof-debs`)
	h.Copy(t, ourDebs(t), "/var/cache/pidproof-debs")
}

// tree describes the files of a host that packages may have to do with: but for what dpkg, apt, their logs and the cache
// of manual pages note.
const tree = `
export LC_ALL=C
find /etc /usr /var /sbin/ /bin/ /lib/ -xdev \( -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/log -o -path /var/cache -o -path /var/tmp -o \
	-path /usr/local -o -path /usr/src \) -prune -o -type d -printf '%p %M %u:%g\n' -o -printf '%p %M %u:%g %s %l\n' | sort
find /etc /usr/sbin /usr/bin /sbin/ /usr/share/pidproof /usr/lib/lsb /run/pidproof -xdev -type f 2>/dev/null | sort | xargs -d '\n' sha256sum
ls -d /run/pidproof /etc/pidproof 2>&1
dpkg-divert --list`

// changes are the lines of one description that the other lacks.
func changes(before, after string) (lines []string) {
	for _, side := range []struct{ sign, of, than string }{{"-", before, after}, {"+", after, before}} {
		have := map[string]bool{}
		for line := range strings.Lines(side.than) {
			have[line] = true
		}
		for line := range strings.Lines(side.of) {
			if !have[line] {
				lines = append(lines, side.sign+" "+strings.TrimSpace(line))
			}
		}
	}
	return lines
}

// requireSame requires that files are as before.
func requireSame(t *testing.T, what, before, after string) {
	t.Helper()
	if lines := changes(before, after); len(lines) > 0 {
		t.Errorf("%s: of what was there before, or is there now,\n%s", what, strings.Join(lines[:min(len(lines), 40)], "\n"))
	}
}

// wrapped requires that all three wrappers are in place, or none.
func wrappers(t *testing.T, h *Host, inPlace bool) {
	t.Helper()
	listed := h.Must(t, "dpkg-divert --list '*.d' '*invoke' '*daemon' | sort")
	for _, name := range []string{"start-stop-daemon", "invoke-rc.d", "deb-systemd-invoke"} {
		text := h.Must(t, "head -c 200 $(command -v "+name+")")
		if is := strings.Contains(text, "# pidproof: stands before "); is != inPlace || strings.Contains(listed, "/"+name+".real by pidproof\n") != inPlace {
			t.Errorf("%s is our wrapper: %t, want %t; diversions: %s", name, is, inPlace, listed)
		}
	}
}
