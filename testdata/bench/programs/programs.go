// Package programs builds what the benchmarks run beside the tools that they measure. Each is a program of its own: a
// part of the bench itself would carry the bench's size and start-up along. All but the floor import only Go's standard
// library.
package programs

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

var (
	//go:embed benchd/main.go
	benchd []byte
	//go:embed launch/main.go
	launch []byte
	//go:embed empty/main.go
	empty []byte
)

// Daemon is the file name of the daemon that is stopped, and looked for.
const Daemon = "benchd"

// BuildDaemon builds the daemon in dir and returns its path.
func BuildDaemon(dir string) (string, error) { return build(dir, Daemon, benchd) }

// BuildLaunch builds what starts and measures other programs.
func BuildLaunch(dir string) (string, error) { return build(dir, "launch", launch) }

// BuildEmpty builds a program that does nothing.
func BuildEmpty(dir string) (string, error) { return build(dir, "empty", empty) }

// BuildFloor builds a program that does nothing, and links the libraries which the project was given, in the versions of
// the module whose directory is the current one.
func BuildFloor(dir string) (string, error) {
	built, err := os.MkdirTemp(dir, "floor-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(built)
	path := filepath.Join(built, "floor")
	if err := compile(".", path, "pidproof/testdata/bench/programs/floor"); err != nil {
		return "", err
	}
	return Install(dir, path)
}

func build(dir, name string, source []byte) (string, error) {
	sources, err := os.MkdirTemp(dir, name+"-source-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(sources)
	file, path := filepath.Join(sources, "main.go"), filepath.Join(sources, name)
	if err := os.WriteFile(file, source, 0o644); err != nil {
		return "", err
	}
	if err := compile(sources, path, file); err != nil { // a file outside any module
		return "", err
	}
	return Install(dir, path)
}

// compile uses the options that the Makefile builds pidproof with.
func compile(from, path, what string) error {
	compiler := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", path, what)
	compiler.Dir = from
	compiler.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if said, err := compiler.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w: %s", filepath.Base(path), err, said)
	}
	return nil
}

// Install copies a program to dir, as install(1) and dpkg do. A file as the linker left it, written through a memory
// map, is kept by the kernel in smaller pieces: that alone is a tenth of what starting it costs.
func Install(dir, path string) (string, error) {
	from, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer from.Close()
	installed := filepath.Join(dir, filepath.Base(path))
	to, err := os.OpenFile(installed, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, from)
	return installed, errors.Join(err, to.Close())
}
