package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// pageFile is where the table is published.
const pageFile = "docs/comparison.md"

// publishes tells whether a run renews what everybody reads. Only what is written elsewhere may be incomplete.
func publishes(out, readme string) bool {
	if readme != "" {
		return true
	}
	path, err := filepath.Abs(out)
	page, failed := filepath.Abs(pageFile)
	return err != nil || failed != nil || path == page
}

// publishable is an error where a run would publish what nobody can repeat.
func publishable(version string, missing []string) error {
	if missing != nil {
		return fmt.Errorf("not published: %s; or write elsewhere with -out", strings.Join(missing, "; "))
	}
	if strings.HasSuffix(version, "-dirty") {
		return fmt.Errorf("not published: %s is of no commit: commit first, then `make`; or write elsewhere with -out", version)
	}
	return nil
}

// writable notices before the run what would make Publish fail after it.
func writable(path string) error {
	dir := filepath.Dir(path)
	entry, err := os.Stat(dir)
	switch {
	case err != nil:
		return err
	case !entry.IsDir():
		return fmt.Errorf("%s is no directory", dir)
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if entry, err := os.Stat(path); err == nil && entry.IsDir() {
		return fmt.Errorf("%s is a directory; want a file", path)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
