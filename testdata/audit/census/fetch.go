package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// fetchAll brings the init scripts and the control file of each package into a folder of its name below cache, unless it
// is there. It returns the packages that the archive does not have.
func fetchAll(cache string, names []string) (missing []string, err error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	for i, name := range names {
		if _, err := os.Stat(filepath.Join(cache, name)); err == nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "census: %d of %d: %s\n", i+1, len(names), name)
		if exec.Command("apt-cache", "show", "--no-all-versions", name).Run() != nil {
			missing = append(missing, name)
			continue
		}
		if err := fetch(cache, name); err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// fetch makes a package's folder whole or not at all, so that a run that was interrupted goes on where it was.
func fetch(cache, name string) error {
	partial, err := os.MkdirTemp(cache, ".partial-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(partial)
	get := exec.Command("apt-get", "-q", "-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=1", "download", name)
	get.Dir = partial
	if said, err := get.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get download %s: %w: %s", name, err, strings.TrimSpace(string(said)))
	}
	debs, err := filepath.Glob(filepath.Join(partial, "*.deb"))
	if err != nil || len(debs) != 1 {
		return fmt.Errorf("apt-get download %s has brought %d files (%v)", name, len(debs), err)
	}
	root := filepath.Join(partial, "root")
	for _, args := range [][]string{{"--extract", debs[0], filepath.Join(partial, "all")}, {"--control", debs[0], filepath.Join(root, "DEBIAN")}} {
		if args[0] == "--control" {
			if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
				return err
			}
		}
		if said, err := exec.Command("dpkg-deb", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("dpkg-deb %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(said)))
		}
	}
	err = os.Rename(filepath.Join(partial, "all", "etc", "init.d"), filepath.Join(root, "etc", "init.d"))
	if err != nil && !os.IsNotExist(err) { // a later version has none any more
		return err
	}
	return os.Rename(root, filepath.Join(cache, name))
}
