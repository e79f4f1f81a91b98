package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// infoDir is where dpkg keeps maintainer scripts, and which files a package has.
const infoDir = "/var/lib/dpkg/info"

// host is where a host keeps scripts that ask whether daemons run.
var host = []string{"/etc/init.d", "/lib/lsb", "/etc/logrotate.d", "/etc/cron.*", "/etc/network/if-*.d"}

// maintainer scripts of dpkg, see deb-preinst(5) and the others.
var maintainer = []string{"preinst", "postinst", "prerm", "postrm"}

// Files are the scripts that are meant.
type Files struct {
	Paths  []string
	named  map[string]bool // those that were given as a file themselves
	unmet  []error         // what was given, and is nothing
	passed []error         // links that lead nowhere
}

// OfHost are the files in a host's places.
func OfHost() (f Files) {
	for _, pattern := range host {
		dirs, _ := filepath.Glob(pattern) // the pattern is well formed
		for _, dir := range dirs {
			f.addBelow(dir)
		}
	}
	for _, name := range maintainer {
		scripts, _ := filepath.Glob(filepath.Join(infoDir, "*."+name))
		f.Paths = append(f.Paths, scripts...)
	}
	return f
}

// Meant are the files, directories and packages of those names.
func Meant(words []string) (f Files) {
	f.named = map[string]bool{}
	for _, word := range words {
		st, err := os.Stat(word)
		switch {
		case err == nil && st.IsDir():
			f.addBelow(word)
		case err == nil:
			f.named[word] = true
			f.Paths = append(f.Paths, word)
		case strings.Contains(word, "/") || !errors.Is(err, fs.ErrNotExist) || !packageName.Compiled().MatchString(word):
			f.unmet = append(f.unmet, err)
		default:
			f.addPackage(word)
		}
	}
	return f
}

var packageName = pattern(`^[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?$`)

// Named is an error unless each of them was given by its own name.
func (f Files) Named() error {
	for _, path := range f.Paths {
		if !f.named[path] {
			return fmt.Errorf("%s was not given by name: --write changes those files only", path)
		}
	}
	return nil
}

// addBelow takes the files of a directory, those of its directories too. A link is followed
// to a file, and not to a directory: links may lead round in a circle.
func (f *Files) addBelow(dir string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err == nil && leftBehind(d.Name()):
		case errors.Is(err, fs.ErrNotExist): // it was removed meanwhile
		case err != nil:
			f.unmet = append(f.unmet, err)
		case d.Type()&fs.ModeSymlink != 0:
			switch st, err := os.Stat(path); {
			case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ELOOP):
				f.passed = append(f.passed, fmt.Errorf("%s %w: it is a link that leads nowhere", path, ErrNoShell))
			case err == nil && st.IsDir():
			default:
				f.Paths = append(f.Paths, path)
			}
		case !d.IsDir():
			f.Paths = append(f.Paths, path)
		}
		return nil
	})
	if err != nil {
		f.unmet = append(f.unmet, err)
	}
}

// leftBehind: what editors, dpkg and we ourselves keep of an older file is run by nobody, see
// run-parts(8).
func leftBehind(name string) bool {
	return strings.HasSuffix(name, "~") || strings.Contains(name, ".dpkg-") || strings.Contains(name, ".ucf-")
}

func (f *Files) addPackage(name string) {
	files, err := ofPackage(name)
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no file or directory of that name, and no package of it that has scripts is installed (dpkg -L %[1]s)", name)
	}
	if err != nil {
		f.unmet = append(f.unmet, err)
	}
	f.Paths = append(f.Paths, files...)
}

// ofPackage are a package's maintainer scripts, and those of its files that are in a host's
// places.
func ofPackage(name string) (files []string, err error) {
	entries, err := os.ReadDir(infoDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		kind := strings.TrimPrefix(filepath.Ext(e.Name()), ".")
		stem, _, _ := strings.Cut(strings.TrimSuffix(e.Name(), "."+kind), ":") // NAME:ARCHITECTURE.postinst
		if stem != name && strings.TrimSuffix(e.Name(), "."+kind) != name {
			continue
		}
		path := filepath.Join(infoDir, e.Name())
		switch {
		case slices.Contains(maintainer, kind):
			files = append(files, path)
		case kind == "list":
			its, err := inHostPlaces(path)
			if err != nil {
				return nil, err
			}
			files = append(files, its...)
		}
	}
	return files, nil
}

// inHostPlaces are those files of a package's list that are in a host's places.
func inHostPlaces(list string) (files []string, err error) {
	content, err := os.ReadFile(list)
	for path := range strings.Lines(string(content)) {
		path = strings.TrimSuffix(path, "\n")
		in := slices.ContainsFunc(host, func(pattern string) bool {
			is, _ := filepath.Match(pattern, filepath.Dir(path))
			return is
		})
		if !in {
			continue
		}
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			files = append(files, path)
		}
	}
	return files, err
}
