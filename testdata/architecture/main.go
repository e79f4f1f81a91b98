// Architecture writes what docs/architecture.md shows of the code: the layers and their imports, the way of a question, the
// file of each rule and that of each command. With -check it only says whether the page is of this code, and names files that are there.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"pidproof/testdata/bench/report"
)

// page is below the root of the sources.
const page = "docs/architecture.md"

func main() {
	check := flag.Bool("check", false, "write nothing; fail unless the page is of this code")
	flag.Parse()
	if err := run(".", *check); err != nil {
		fmt.Fprintf(os.Stderr, "architecture: %v\n", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	path := filepath.Join(root, page)
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fresh, err := renewed(root, string(content))
	switch {
	case err != nil:
		return err
	case fresh != string(content) && check:
		return fmt.Errorf("%s is not of this code: make architecture", page)
	case check:
		return errors.Join(missing(root, fresh)...)
	}
	if err := os.WriteFile(path, []byte(fresh), 0o644); err != nil {
		return err
	}
	return errors.Join(missing(root, fresh)...)
}

// renewed is the page with its generated parts as they are of the code now.
func renewed(root, content string) (string, error) {
	for name, generate := range map[string]func(root string) (string, error){
		"layers": layers, "walk": walk, "rules": rulesTable, "commands": commandsTable,
	} {
		text, err := generate(root)
		if err == nil {
			content, err = report.Part{Name: name, Command: "make architecture"}.Renewed(content, text)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	return content, nil
}

// quoted is a file or directory as the page names one: `matcher/check.go`. What holds capitals only where a name would be
// (NAME.go, pidproof-GROUP.8) stands for any.
var quoted = regexp.MustCompile("`([\\w./-]+)`")

// missing are the files that the page names and that are not there.
func missing(root, content string) (errs []error) {
	for _, named := range quoted.FindAllStringSubmatch(content, -1) {
		path := named[1]
		isPath := strings.Contains(path, "/") && !strings.HasPrefix(path, "/") || filepath.Ext(path) == ".go" || filepath.Ext(path) == ".md"
		if !isPath || strings.Contains(path, "NAME") || strings.Contains(path, "GROUP") {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			errs = append(errs, fmt.Errorf("%s names %s, which is not there", page, path))
		}
	}
	return errs
}
