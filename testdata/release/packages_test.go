package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pidproof/testdata/need"
	"pidproof/testdata/rounds"
)

var (
	//go:embed overlay.sh
	overlaySh string
	//go:embed host.sh
	hostSh string
	//go:embed rpm.sh
	rpmSh string
	//go:embed apk.sh
	apkSh string
)

// inOverlay runs a script on this machine's root, of which it changes nothing. It says nothing but what is wrong.
func inOverlay(t *testing.T, packages, script string) {
	t.Helper()
	cmd := exec.Command("unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--fork", "--kill-child=KILL",
		"sh", "-c", overlaySh, "overlay.sh", t.TempDir(), packages, hostSh+script)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C"}
	if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("%v: %s", err, said)
	}
}

// For the long runs: the packages are the same from wherever, and a real rpm installs, upgrades, downgrades and removes: nothing is left.
func TestRPM(t *testing.T) {
	if !rounds.Long() {
		return
	}
	need.Root(t)
	need.Program(t, "rpm")
	d := newRepository(t)
	some := []string{"RPM_ARCHES=amd64", "APK_ARCHES=amd64"}
	d.must(t, nil, append(some, "rpm", "apk")...)
	rpm, apk := "/dist/pidproof-"+released+"-1.x86_64.rpm", "/dist/pidproof-"+released+"-r0.x86_64.apk"
	other := d.clone(t)
	other.must(t, []string{"TZ=Asia/Tokyo"}, append(some, "rpm", "apk")...)
	same(t, d.dir+rpm, other.dir+rpm)
	same(t, d.dir+apk, other.dir+apk)
	t.Run("apk", func(t *testing.T) { checkAPK(t, d.dir+apk) })

	d.write(t, "LICENSE", "another version\n")
	d.must(t, nil, append(some, "rpm")...)
	inOverlay(t, d.dir+"/dist", rpmSh)
}

// checkAPK reads the package as apk does, apk-package(5), and plays it on a root with its own scripts and busybox's shell.
func checkAPK(t *testing.T, file string) {
	content, err := os.ReadFile(file)
	must(t, err)
	control, data := gzipMembers(t, content)
	info := untar(t, control)
	digest := sha256.Sum256(data)
	for _, want := range []string{
		"pkgname = pidproof\n", "pkgver = " + released + "-r0\n", "arch = x86_64\n", "license = MIT\n", "datahash = " + hex.EncodeToString(digest[:]) + "\n",
	} {
		if !strings.Contains(info[".PKGINFO"], want) {
			t.Errorf(".PKGINFO has no %q:\n%s", want, info[".PKGINFO"])
		}
	}
	names := []string{".PKGINFO", ".post-install", ".pre-deinstall"}
	for name := range info {
		if !slices.Contains(names, name) {
			t.Errorf("its control has %s", name)
		}
	}
	files := untar(t, data)
	if len(files) < 20 || files["lib/lsb/init-functions.d/60-pidproof"] == "" {
		t.Errorf("it has %d files", len(files))
	}
	for name := range files {
		if strings.HasPrefix(name, "usr/lib/") || strings.HasPrefix(name, "etc/") {
			t.Errorf("it has %s", name)
		}
	}
	dir := t.TempDir()
	for _, name := range names[1:] {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(info[name]), 0o755))
	}
	must(t, os.WriteFile(filepath.Join(dir, "data.tar.gz"), data, 0o644))
	inOverlay(t, dir, apkSh)
}

// gzipMembers cuts an apk: each part is a gzip member of its own.
func gzipMembers(t *testing.T, content []byte) (control, data []byte) {
	t.Helper()
	reader := bytes.NewReader(content)
	member, err := gzip.NewReader(reader)
	must(t, err)
	member.Multistream(false)
	_, err = io.Copy(io.Discard, member)
	must(t, err)
	end := len(content) - reader.Len()
	return content[:end], content[end:]
}

// untar also has each file's checksum compared, which apk asks for.
func untar(t *testing.T, packed []byte) map[string]string {
	t.Helper()
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	must(t, err)
	files := map[string]string{}
	for reader := tar.NewReader(unpacked); ; {
		header, err := reader.Next()
		if err == io.EOF || err == io.ErrUnexpectedEOF { // the control's has no end: the data follow
			return files
		}
		must(t, err)
		if header.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(reader)
		must(t, err)
		files[header.Name] = string(content)
		if sum, known := header.PAXRecords["APK-TOOLS.checksum.SHA1"]; known && sum != fmt.Sprintf("%x", sha1.Sum(content)) {
			t.Errorf("%s has the checksum %s", header.Name, sum)
		} else if !known && !strings.HasPrefix(header.Name, ".") {
			t.Errorf("%s has no checksum", header.Name)
		}
		if header.Uid != 0 || header.Gid != 0 {
			t.Errorf("%s is %d:%d's", header.Name, header.Uid, header.Gid)
		}
	}
}
