package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What all hosts are given is made once.

// shared is a folder for that.
var shared string

func TestMain(m *testing.M) {
	os.Exit(withShared(m))
}

func withShared(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pidproof-lab-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	shared = dir
	return m.Run()
}

// installed is pidproof as a packager would install it: a tree of files.
var installed once

func installedTree() (string, error) {
	return installed.get("", func() (string, error) {
		tree := filepath.Join(shared, "installed")
		return tree, done(exec.Command("make", "-C", "../..", "install", "DESTDIR="+tree, "PREFIX=/usr"))
	})
}

// built holds programs of ours, by the folder of their source.
var built once

func builtProgram(source string) (string, error) {
	return built.get(source, func() (string, error) {
		file := filepath.Join(shared, filepath.Base(source))
		build := exec.Command("go", "build", "-buildvcs=false", "-o", file, source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // the host's root may be an older one than the compiler's libc
		return file, done(build)
	})
}

func done(cmd *exec.Cmd) error {
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, said)
	}
	return nil
}
