// Page writes what was seen of the patched init scripts into docs/healing.md: all services that have an outcome, and what
// the page has of the others, if their patches are still those. Services of which nothing was seen are named.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"pidproof/testdata/bench/report"
	"pidproof/testdata/healing"
)

func main() {
	page := flag.String("page", "docs/healing.md", "write this `file`")
	results := flag.String("results", "", "the `folder` with what was seen")
	patches := flag.String("patches", "scripts/patches", "the `folder` with the patches")
	flag.Parse()
	if err := run(*page, *results, *patches); err != nil {
		fmt.Fprintf(os.Stderr, "page: %v\n", err)
		os.Exit(1)
	}
}

func run(page, results, patches string) error {
	outcomes, err := healing.Read(results)
	if err != nil {
		return err
	}
	before, err := os.ReadFile(page)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	again := text(outcomes, string(before))
	for name, p := range kept(again) {
		if err := upToDate(p.tried(name), patches); err != nil {
			return err
		}
	}
	return report.Publish(page, again)
}

// upToDate: the patch that was tried is the one that is kept.
func upToDate(o healing.Outcome, patches string) error {
	s := service(o.Name)
	name := s.Packages[0] + "_" + s.Name + ".patch"
	kept, err := os.ReadFile(filepath.Join(patches, name))
	if err != nil {
		return err
	}
	if digest := healing.Digest(string(kept)); digest != o.Patch {
		return fmt.Errorf("%s: patch %s was tried, and %s is %s: remove %s.json, and run `make healing` again", o.Name, o.Patch, name, digest, o.Name)
	}
	return nil
}

func service(name string) healing.Service {
	for _, s := range healing.Services {
		if s.Name == name {
			return s
		}
	}
	return healing.Service{}
}
