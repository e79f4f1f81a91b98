package registry

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"pidproof/cmd/pidproof/internal/shellvars"
	"pidproof/matcher/host"
)

// filesLimit is how many files a directory of registrations may hold.
const filesLimit = 4096

// linksLimit is how many steps a path is followed: names, and the kernel's 40 links
// (path_resolution(7)).
const linksLimit = 4096

// Read reads the registrations in dir, by name. A missing directory has none. An
// error is about one file, which it names with the line where there is one, and
// says what to do; the other files' registrations are there. One that is about
// the directory comes alone: who can write that can register anything.
//
// Of two registrations with one pidfile the second is an error.
func Read(dir string) ([]Registration, []error) {
	opened, err := open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []error{err}
	}
	defer opened.close()
	found, wrong, err := opened.read()
	if err != nil {
		return nil, []error{err}
	}
	return found, wrong
}

// read reads what Read does; err is about the directory.
func (d *directory) read() (found []Registration, wrong []error, err error) {
	names, err := d.list.Readdirnames(filesLimit + 1)
	if err != nil && err != io.EOF {
		return nil, nil, shellvars.NotAbsent(d.path, err)
	}
	if len(names) > filesLimit {
		return nil, nil, fmt.Errorf("%s holds more than %d files: remove what is no registration", d.path, filesLimit)
	}
	slices.Sort(names)
	byPidfile := map[string]Registration{}
	for _, name := range names {
		if passedOver(name) {
			continue
		}
		if err := checkName(name); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w: rename or remove the file", filepath.Join(d.path, name), err))
			continue
		}
		r, line, faults := readFile(d.path, name)
		if len(faults) == 1 && errors.Is(faults[0], fs.ErrNotExist) {
			continue // unregistered since its name was read
		}
		if len(faults) > 0 {
			wrong = append(wrong, faults...)
			continue
		}
		pidfile := resolved(r.Pidfile)
		if other, twice := byPidfile[pidfile]; twice {
			why := fmt.Sprintf("PIDFILE %s is that of %s already: remove or change one of the two", r.Pidfile, other.File)
			wrong = append(wrong, &shellvars.Error{Path: r.File, Line: line, Why: why})
			continue
		}
		byPidfile[pidfile] = r
		found = append(found, r)
	}
	return found, wrong, nil
}

// SamePidfile reports that two paths are one pidfile's, as /var/run/x.pid is
// /run/x.pid's. Neither need exist.
func SamePidfile(a, b string) bool { return resolved(a) == resolved(b) }

// resolved follows the links of as much of the path as there is: those of root and the
// caller, or another could have his pidfile taken for any.
func resolved(path string) string {
	path = filepath.Clean(path)
	if _, mayHang := host.MayHang(path); mayHang {
		return path // a link there is not worth a hang
	}
	real, rest := "/", strings.TrimPrefix(path, "/")
	for range linksLimit {
		if rest == "" {
			return real
		}
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		real = filepath.Join(real, name)
		st, err := os.Lstat(real)
		if err != nil || st.Mode().Type() != fs.ModeSymlink || !ours(st) {
			continue
		}
		target, err := os.Readlink(real)
		if err != nil {
			continue
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(real), target)
		}
		real, rest = "/", strings.TrimPrefix(filepath.Join(target, rest), "/")
	}
	return path
}

// ours reports that root or the caller owns it.
func ours(st fs.FileInfo) bool {
	owner, known := st.Sys().(*syscall.Stat_t)
	return known && (owner.Uid == 0 || int(owner.Uid) == os.Geteuid())
}

// same reports that one registration says what another does.
func same(a, b Registration) bool {
	return a.Name == b.Name && a.Daemon == b.Daemon && SamePidfile(a.Pidfile, b.Pidfile) && slices.Equal(a.Restart, b.Restart)
}
