package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"pidproof/cmd/pidproof/internal/wholefile"
)

// Write replaces the script by the patched one. The old one stays beside it, as FILE~, which
// neither run-parts(8) nor insserv(8) takes for a script.
func (p Patch) Write() (backup string, err error) {
	if err := writableByDpkg(p.Path); err != nil {
		return "", err
	}
	dir, err := os.OpenRoot(filepath.Dir(p.Path))
	if err != nil {
		return "", err
	}
	defer dir.Close()
	name := filepath.Base(p.Path)
	st, err := dir.Lstat(name)
	if err != nil {
		return "", err
	}
	owner, known := st.Sys().(*syscall.Stat_t)
	if !known {
		return "", fmt.Errorf("%s: its owner is not known", p.Path)
	}
	if backup, err = keep(dir, name, strings.Join(p.old, ""), st.Mode().Perm()); err != nil {
		return "", err
	}
	return backup, wholefile.ReplaceIn(dir, name, []byte(p.Text()), st.Mode().Perm(),
		&wholefile.Owner{UID: int(owner.Uid), GID: int(owner.Gid)})
}

// keep writes the backup under the first name that is free: an older one is never lost.
func keep(dir *os.Root, name, text string, mode fs.FileMode) (string, error) {
	backup := name + "~"
	for n := 1; ; n++ {
		err := wholefile.CreateIn(dir, backup, []byte(text), mode)
		if err == nil {
			return filepath.Join(dir.Name(), backup), nil
		}
		if !errors.Is(err, fs.ErrExist) || n == 100 {
			return "", err
		}
		backup = fmt.Sprintf("%s.~%d~", name, n)
	}
}

// writableByDpkg: dpkg keeps an administrator's changes to its conffiles alone (deb-conffiles(5));
// what is another file of a package is lost with its next version.
func writableByDpkg(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(infoDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if filepath.Dir(path) == infoDir {
		return fmt.Errorf("%s: not written: it is dpkg's", path)
	}
	owner := ""
	for _, e := range entries {
		stem, conffiles := strings.CutSuffix(e.Name(), ".conffiles")
		list := false
		if !conffiles {
			stem, list = strings.CutSuffix(e.Name(), ".list")
		}
		if !list && !conffiles {
			continue
		}
		content, err := os.ReadFile(filepath.Join(infoDir, e.Name()))
		if err != nil {
			return err
		}
		switch has := slices.Contains(strings.Split(string(content), "\n"), path); {
		case has && conffiles:
			return nil
		case has:
			owner = stem
		}
	}
	if owner != "" {
		return fmt.Errorf("%s: not written: it is package %s's, and no conffile, so that its next version replaces it; send the package's maintainer the patch (audit --patch)", path, owner)
	}
	return nil
}
