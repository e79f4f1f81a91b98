package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// packages is where lab.Host.Install keeps them.
const packages = "/var/cache/pidproof-lab"

// repacked makes the package's next version, which differs by its number.
func (w *witness) repacked() (string, error) {
	const dir, file = "/run/census/repacked", "/run/census/next.deb"
	found, err := filepath.Glob(filepath.Join(packages, w.seen.Package+"_*.deb"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("%s has %d packages of that name", packages, len(found))
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if _, err := output("dpkg-deb", "--raw-extract", found[0], dir); err != nil {
		return "", err
	}
	control := filepath.Join(dir, "DEBIAN/control")
	content, err := os.ReadFile(control)
	if err != nil {
		return "", err
	}
	var next []string
	for line := range strings.Lines(string(content)) {
		if version, is := strings.CutPrefix(line, "Version: "); is {
			w.seen.Version = strings.TrimSpace(version)
			line = "Version: " + w.seen.Version + "+census\n"
		}
		next = append(next, line)
	}
	if err := os.WriteFile(control, []byte(strings.Join(next, "")), 0o644); err != nil {
		return "", err
	}
	if _, err := output("dpkg-deb", "-Znone", "--build", dir, file); err != nil {
		return "", err
	}
	return file, os.RemoveAll(dir)
}
