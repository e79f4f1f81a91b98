package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// infoDir is where dpkg keeps maintainer scripts, and which files a package has.
const infoDir = "/var/lib/dpkg/info"

// host is where a host keeps scripts that ask whether daemons run.
var host = []string{"/etc/init.d", "/lib/lsb", "/etc/logrotate.d", "/etc/cron.*", "/etc/network/if-*.d"}

// maintainer scripts of dpkg, see deb-preinst(5) and the others.
var maintainer = []string{"preinst", "postinst", "prerm", "postrm"}

// Files are the files that are meant by a host's places, if words is empty, else by files,
// directories and names of packages. named are those that were given as a file themselves.
func Files(words []string) (files []string, named map[string]bool, err error) {
	named = map[string]bool{}
	if len(words) == 0 {
		for _, pattern := range host {
			dirs, _ := filepath.Glob(pattern) // the pattern is well formed
			for _, dir := range dirs {
				in, err := below(dir)
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					return nil, nil, err
				}
				files = append(files, in...)
			}
		}
		for _, name := range maintainer {
			in, _ := filepath.Glob(filepath.Join(infoDir, "*."+name))
			files = append(files, in...)
		}
		return files, named, nil
	}
	for _, word := range words {
		in, err := meant(word, named)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, in...)
	}
	return files, named, nil
}

var packageName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?$`)

func meant(word string, named map[string]bool) ([]string, error) {
	st, err := os.Stat(word)
	switch {
	case err == nil && st.IsDir():
		return below(word)
	case err == nil:
		named[word] = true
		return []string{word}, nil
	case strings.Contains(word, "/") || !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if packageName.MatchString(word) {
		if files, err := ofPackage(word); err != nil || len(files) > 0 {
			return files, err
		}
	}
	return nil, fmt.Errorf("%s: no file or directory of that name, and no package of it is installed (dpkg -l)", word)
}

// below are the files of a directory, those of its directories too. A link is followed to a
// file, and not to a directory: links may lead round in a circle.
func below(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			if st, err := os.Stat(path); err == nil && st.IsDir() {
				return nil
			}
		}
		files = append(files, path)
		return nil
	})
	return files, err
}

// ofPackage are a package's maintainer scripts, and those of its files that are in a host's
// places.
func ofPackage(name string) (files []string, err error) {
	for _, stem := range []string{name, name + ":amd64"} {
		found, _ := filepath.Glob(filepath.Join(infoDir, stem+".*"))
		for _, path := range found {
			if slices.Contains(maintainer, strings.TrimPrefix(filepath.Ext(path), ".")) {
				files = append(files, path)
			}
		}
	}
	lists, _ := filepath.Glob(filepath.Join(infoDir, name+"*.list"))
	for _, list := range lists {
		stem, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(list), ".list"), ":")
		if stem != name && filepath.Base(list) != name+".list" {
			continue
		}
		f, err := os.Open(list)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if path := lines.Text(); inHostPlace(path) {
				if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
					files = append(files, path)
				}
			}
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func inHostPlace(path string) bool {
	return slices.ContainsFunc(host, func(pattern string) bool {
		is, _ := filepath.Match(pattern, filepath.Dir(path))
		return is
	})
}
