// Package need says what a test cannot do without. Where that is missing the
// test is left out, which `make test` lists; in CI nothing may be left out.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// Root ends the test unless it runs as root.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "root")
	}
}

// Program returns the path of a program in PATH, or ends the test.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, "the program "+name)
	}
	return path
}

// File ends the test unless the file exists.
func File(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		missing(t, "the file "+path)
	}
}

// Kernel ends the test if err says that this kernel cannot do something.
func Kernel(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		missing(t, "a kernel with "+what)
	}
}

func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("needs %s, and in CI nothing may be left out", what)
	}
	t.Skipf("left out: needs %s", what)
}
