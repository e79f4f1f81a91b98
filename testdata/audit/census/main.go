// Command census audits the init scripts of Debian's packages, and writes docs/audit.md and scripts/patches. The packages
// of testdata/audit/packages are downloaded as apt is configured; of each only its init scripts are kept.
//
//	go run ./testdata/audit/census [-cache DIR] [-pidproof FILE]
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	listFile  = "testdata/audit/packages"
	pageFile  = "docs/audit.md"
	patchesIn = "scripts/patches"
)

func main() {
	home, _ := os.UserCacheDir() // then -cache is needed
	cache := flag.String("cache", filepath.Join(home, "pidproof-lab", "census"), "where the init scripts of the packages are kept")
	program := flag.String("pidproof", "bin/pidproof", "the program that audits")
	flag.Parse()
	if err := census(*cache, *program); err != nil {
		fmt.Fprintln(os.Stderr, "census:", err)
		os.Exit(1)
	}
}

func census(cache, program string) error {
	names, err := packageNames(listFile)
	if err != nil {
		return err
	}
	missing, err := fetchAll(cache, names)
	if err != nil {
		return err
	}
	if program, err = filepath.Abs(program); err != nil {
		return err
	}
	page := page{Missing: missing}
	if page.Truth, err = groundTruth(); err != nil {
		return err
	}
	var patches []patch
	for _, name := range names {
		scripts, its, err := auditPackage(program, filepath.Join(cache, name), name)
		if err != nil {
			return err
		}
		page.Scripts = append(page.Scripts, scripts...)
		patches = append(patches, its...)
	}
	if err := writePatches(patchesIn, patches); err != nil {
		return err
	}
	return os.WriteFile(pageFile, []byte(page.String()), 0o644)
}

// packageNames reads a list of them, one a line.
func packageNames(file string) ([]string, error) {
	content, err := os.ReadFile(file)
	return strings.Fields(string(content)), err
}

var truthLine = regexp.MustCompile(`\d+ of \d+ places, \d+ of \d+ false`)

// groundTruth is what the test says that compares the audit with what a person found.
func groundTruth() (string, error) {
	said, err := exec.Command("go", "test", "-count=1", "-v", "-run", "^TestGroundTruth$", "./cmd/pidproof/internal/audit").CombinedOutput()
	line := truthLine.FindString(string(said))
	if err != nil || line == "" {
		return "", fmt.Errorf("the labelled scripts: %w\n%s", err, said)
	}
	return line, nil
}
