package attack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/testdata/supervise"
)

// programs holds what the attacks run: pidproof, and hostile/*.c under their names.
var programs string

const (
	programsEnv = "PIDPROOF_ATTACK_PROGRAMS" // on a host
	builtEnv    = "PIDPROOF_ATTACK_BUILT"    // in a run that a test has started
)

func TestMain(m *testing.M) {
	if programs = os.Getenv(programsEnv); programs != "" {
		os.Exit(m.Run()) // on a host that the same test has made
	}
	if os.Getenv(cgroupEnv) == "" {
		_ = os.Setenv(cgroupEnv, fmt.Sprint("pidproof-attack", os.Getpid()))
	}
	os.Exit(supervise.Main(func() int { return runTests(m) }, thaw))
}

func runTests(m *testing.M) int {
	if programs = os.Getenv(builtEnv); programs != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "attack")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	programs = dir
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
