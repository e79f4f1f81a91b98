package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// buildPrograms puts into dir what the scenarios run: the daemons and pidproof. All are static, for chroots, and
// everybody may execute them there.
func buildPrograms(dir, pidproof string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/",
		"pidproof/testdata/demod", "pidproof/testdata/compare/argvd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the daemons: %w: %s", err, said)
	}
	return copyProgram(pidproof, filepath.Join(dir, "pidproof"))
}

func copyProgram(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		target.Close()
		return err
	}
	return target.Close()
}
