package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/matcher"
)

// errDenied: somebody has decided that it must not be restarted.
var errDenied = errors.New("policy-rc.d denies it")

// denial says why invoke-rc.d does not restart an instance: it exits 0 all the same,
// and without a start link it does not even say so. nil: it would, or the restart
// command is another.
func denial(r registry.Registration) error {
	const forbidden = 101
	if filepath.Base(r.Restart[0]) != "invoke-rc.d" {
		return nil
	}
	program, err := matcher.FindDaemon(r.Restart[0])
	if err != nil {
		return nil // whoever runs it says so
	}
	ctx, cancel := context.WithTimeout(context.Background(), defaultTimeout)
	defer cancel()
	var said strings.Builder
	query := exec.CommandContext(ctx, program.Path, append([]string{"--query"}, r.Restart[1:]...)...)
	query.Stderr = &said          // names policy-rc.d, or that there is no such script; of a missing link it says nothing
	query.WaitDelay = time.Second // policy-rc.d may leave something behind that keeps it
	var exit *exec.ExitError
	if !errors.As(query.Run(), &exit) || exit.ExitCode() != forbidden {
		return nil
	}
	switch line, _, _ := strings.Cut(said.String(), "\n"); {
	case strings.Contains(line, "policy-rc.d"):
		return errDenied
	case line != "":
		return errors.New(line)
	}
	script := r.Restart[1:]
	for len(script) > 0 && strings.HasPrefix(script[0], "-") {
		script = script[1:]
	}
	if len(script) == 0 {
		return errDenied
	}
	return fmt.Errorf("invoke-rc.d does nothing: %s is not enabled in this runlevel (update-rc.d %s defaults)", script[0], script[0])
}
