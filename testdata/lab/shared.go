package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"pidproof/testdata/must"
	"pidproof/testdata/supervise"
)

// What all hosts are given is made once.

// shared is a folder for that.
var shared string

// Main runs the tests of a package that boots hosts, and gives the exit code to end with. Whatever ends them, nothing of
// theirs stays; only when the supervising process is killed, too, do files and empty groups.
func Main(m *testing.M) int {
	code := supervise.Main(func() int { return runTests(m) })
	if os.Geteuid() != 0 { // nor was a host booted
		return code
	}
	mount, err := mountCgroups()
	if err == nil {
		defer mount.Close()
		err = removeLeftGroups(mount)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "removing control groups of tests:", err)
	}
	return code
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pidproof-lab-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	shared = dir
	return m.Run()
}

var installed once

// Installed is pidproof as a packager would install it: a tree of files.
func Installed() (string, error) {
	return installed.get("", func() (string, error) {
		tree := filepath.Join(shared, "installed")
		return tree, done(exec.Command("make", "-C", "../..", "install", "DESTDIR="+tree, "PREFIX=/usr"))
	})
}

// built holds programs of ours, by the folder of their source.
var built once

// BuildInto puts a program of ours, for a host, below the folder tree.
func BuildInto(t *testing.T, tree, file, source string) {
	t.Helper()
	program, err := built.get(source, func() (string, error) {
		program := filepath.Join(shared, filepath.Base(source))
		build := exec.Command("go", "build", "-buildvcs=false", "-o", program, source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // the host's root may be an older one than the compiler's libc
		return program, done(build)
	})
	must.Do(t, err)
	file = filepath.Join(tree, file)
	must.Do(t, os.MkdirAll(filepath.Dir(file), 0o755))
	// No link: a symbolic one would be copied as such, and tar fails when another test makes a hard one while it reads.
	content, err := os.ReadFile(program)
	must.Do(t, err)
	must.Do(t, os.WriteFile(file, content, 0o755))
}

func done(cmd *exec.Cmd) error {
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, said)
	}
	return nil
}
