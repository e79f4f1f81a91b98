package attack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// programs holds what the attacks run: pidproof, and hostile/*.c under their names.
var programs string

const programsEnv = "PIDPROOF_ATTACK_PROGRAMS"

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	if programs = os.Getenv(programsEnv); programs != "" {
		return m.Run() // on a host that the same test has made
	}
	dir, err := os.MkdirTemp("", "pidproof-attack")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = dir
	if err := os.Setenv(cgroupEnv, filepath.Base(dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build makes everything static: the hosts have their files elsewhere.
func build(dir string) error {
	commands := [][]string{{"go", "build", "-buildvcs=false", "-trimpath", "-o", dir + "/", "pidproof/cmd/pidproof", "pidproof/testdata/nopidfd"}}
	sources, err := filepath.Glob("hostile/*.c")
	if err != nil {
		return err
	}
	for _, source := range sources {
		name := strings.TrimSuffix(filepath.Base(source), ".c")
		commands = append(commands, []string{"gcc", "-O1", "-Wall", "-Werror", "-static", "-pthread", "-o", filepath.Join(dir, name), source})
	}
	failed := make(chan error)
	for _, argv := range commands {
		go func() {
			command := exec.Command(argv[0], argv[1:]...)
			command.Env = append(os.Environ(), "CGO_ENABLED=0")
			said, err := command.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%v: %w\n%s", argv, err, said)
			}
			failed <- err
		}()
	}
	for range commands {
		err = errors.Join(err, <-failed)
	}
	return errors.Join(err, os.Chmod(dir, 0o755))
}
