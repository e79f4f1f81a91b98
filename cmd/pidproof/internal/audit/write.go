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

	"golang.org/x/sys/unix"

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
	st, err := p.unchanged(dir, name)
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

// unchanged is the file as it was read before. It is never a link: the backup would be written
// with the link's mode, by everybody.
func (p Patch) unchanged(dir *os.Root, name string) (fs.FileInfo, error) {
	st, err := dir.Lstat(name)
	if err == nil && st.Mode()&fs.ModeSymlink != 0 {
		return nil, fmt.Errorf("%s: not written: it is a symbolic link: name the file itself", p.Path)
	}
	f, err := dir.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err = f.Stat(); err != nil {
		return nil, err
	}
	text, err := contentOf(f, st)
	if err == nil && text != strings.Join(p.old, "") {
		err = fmt.Errorf("%s: not written: it has changed since it was read: ask again", p.Path)
	}
	return st, err
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
	names, err := packagedAs(path)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(infoDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if slices.ContainsFunc(names, func(name string) bool { return filepath.Dir(name) == infoDir }) {
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
		switch has := slices.ContainsFunc(strings.Split(string(content), "\n"), func(line string) bool { return slices.Contains(names, line) }); {
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

// packagedAs are the names that packages may have for a file: where /bin, /sbin and /lib are links into /usr, a package has
// the one or the other.
func packagedAs(path string) ([]string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	names := []string{path}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		names = append(names, filepath.Join(dir, filepath.Base(path)))
	}
	for _, name := range names {
		other, below := strings.CutPrefix(name, "/usr")
		if !below {
			other = "/usr" + name
		}
		a, err := os.Lstat(name)
		b, otherwise := os.Lstat(other)
		if err == nil && otherwise == nil && os.SameFile(a, b) {
			names = append(names, other)
		}
	}
	return names, nil
}
