package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pidproof/testdata/must"
	"pidproof/testdata/need"
)

// A link has mode 0777, with which a backup was made; and what was changed meanwhile is kept.
func TestWriteRefuses(t *testing.T) {
	const text = "#!/bin/sh\nDAEMON=/bin/d\nkill $(cat /run/d.pid)\n"
	for why, between := range map[string]func(path string) error{
		"symbolic link": func(path string) error {
			return errors.Join(os.Rename(path, path+".d"), os.Symlink(path+".d", path))
		},
		"has changed":  func(path string) error { return os.WriteFile(path, []byte(text+"# mine\n"), 0o755) },
		"regular file": func(path string) error { return errors.Join(os.Remove(path), unix.Mkfifo(path, 0o644)) },
	} {
		path := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		p, _, _, err := one(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := between(path); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write(); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
		if _, err := os.Lstat(path + "~"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a backup was left: %v", why, err)
		}
	}
}

// A package's file by its other name: dpkg has /bin/cat, and /bin is a link to /usr/bin.
func TestPackagedAs(t *testing.T) {
	if _, err := os.Stat(infoDir + "/coreutils.list"); err != nil {
		return // no Debian
	}
	link := filepath.Join(t.TempDir(), "bin")
	if err := os.Symlink("/usr/bin", link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/bin/cat", "/usr/bin/cat", link + "/cat"} {
		if err := writableByDpkg(path); err == nil || !strings.Contains(err.Error(), "coreutils") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := writableByDpkg("/usr/bin/nobodys"); err != nil {
		t.Error(err)
	}
}

// dpkg's word on whose a file is, on this very host.
func TestWritableByDpkg(t *testing.T) {
	need.File(t, infoDir+"/dpkg.conffiles")
	conffiles, err := filepath.Glob(infoDir + "/*.conffiles")
	must.Do(t, err)
	content, err := os.ReadFile(conffiles[0])
	if err != nil {
		t.Fatal(err)
	}
	var conffile string
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(line); len(fields) == 1 {
			conffile = fields[0]
		}
	}
	if err := writableByDpkg(conffile); err != nil {
		t.Errorf("a conffile: %v", err)
	}
	if err := writableByDpkg("/usr/bin/dpkg"); err == nil || !strings.Contains(err.Error(), "it is package dpkg's, and no conffile") {
		t.Errorf("dpkg itself: %v", err)
	}
	if err := writableByDpkg(infoDir + "/x.postinst"); err == nil {
		t.Error("a maintainer script could be written")
	}
	if err := writableByDpkg(filepath.Join(t.TempDir(), "own")); err != nil {
		t.Errorf("nobody's file: %v", err)
	}
}
