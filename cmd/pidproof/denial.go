package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/invokerc"
	"pidproof/cmd/pidproof/internal/registry"
)

// errDenied: somebody has decided that it must not be restarted.
var errDenied = errors.New("policy-rc.d denies it")

// denial says why invoke-rc.d does not restart an instance: it exits 0 all the same,
// and without a start link it does not even say so. nil: it would, or the restart
// command is another.
func denial(r registry.Registration) error {
	if filepath.Base(r.Restart[0]) != handover.InvokeRC {
		return nil
	}
	program, err := restartProgram(r)
	if err != nil {
		return nil // whoever runs it says so
	}
	code, said, err := invokerc.Query(program.Path, r.Restart[1:])
	if err != nil || !invokerc.Forbids(code) { // likewise
		return nil
	}
	switch line, _, _ := strings.Cut(said, "\n"); {
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
