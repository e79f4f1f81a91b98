// Package release has the ways tried by which pidproof leaves its repository: its version, its tarball, and the packages
// and the release that are made of it.
package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var commitName = regexp.MustCompile(`(git[0-9]{14})\.[0-9a-f]{10}\b`)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", cmd, err, said, stderr.String())
	}
	return string(said)
}

// environment is ours without what the make that runs this test tells its children, and what is said of time and place.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") })
}

// without is a PATH that has all programs but one.
func without(t *testing.T, program string) string {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		programs, _ := os.ReadDir(folder)
		for _, p := range programs {
			if p.Name() != program {
				_ = os.Symlink(filepath.Join(folder, p.Name()), filepath.Join(dir, p.Name())) // the first counts
			}
		}
	}
	return dir
}

func at(seconds int64) time.Time { return time.Unix(seconds, 0) }
