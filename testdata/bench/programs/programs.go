// Package programs builds what the benchmarks run beside the tools that they measure. Each is a program of its own, and
// imports only Go's standard library: a part of the bench itself would carry the bench's size and start-up along.
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

// build uses the options that the Makefile builds pidproof with.
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
	compiler := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", path, file)
	compiler.Dir = sources // a file outside any module
	compiler.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if said, err := compiler.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w: %s", name, err, said)
	}
	return Install(dir, path)
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
