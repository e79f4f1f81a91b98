package restart

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"pidproof/cmd/pidproof/internal/handover"
	"pidproof/cmd/pidproof/internal/invokerc"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/matcher"
	"pidproof/matcher/host"
)

// Unrunnable says why a restart command would do nothing.
func Unrunnable(r registry.Registration) error {
	if _, err := programOf(r); err != nil {
		return fmt.Errorf("its restart command cannot be run: %w", err)
	}
	return denial(r)
}

// programOf is what the restart command runs.
func programOf(r registry.Registration) (matcher.Daemon, error) {
	if where, mayHang := host.MayHang(r.Restart[0]); mayHang {
		return matcher.Daemon{}, fmt.Errorf("it lies on %s, which may not answer", where)
	}
	name := r.Restart[0]
	if path, err := exec.LookPath(name); err == nil { // PATH goes first: it is a command, and no daemon
		name = path
	}
	program, err := matcher.FindDaemon(name)
	if errors.Is(err, matcher.ErrDaemon) { // what is no daemon here was never to be one
		err = errors.New(strings.TrimPrefix(err.Error(), matcher.ErrDaemon.Error()+": "))
	}
	if err != nil {
		return program, err
	}
	its, err := handover.IsProgram(program.Path)
	if err == nil && !its {
		err = fmt.Errorf("%s is no program", program.Path)
	}
	return program, err
}

// errDenied: somebody has decided that it must not be restarted.
var errDenied = errors.New("policy-rc.d denies it")

// denial says why invoke-rc.d does not restart an instance: it exits 0 all the same,
// and without a start link it does not even say so. nil: it would, or the restart
// command is another.
func denial(r registry.Registration) error {
	if filepath.Base(r.Restart[0]) != handover.InvokeRC {
		return nil
	}
	program, err := programOf(r)
	if err != nil {
		return nil // whoever runs it says so
	}
	code, complaint, err := invokerc.Query(program.Path, r.Restart[1:])
	if err != nil || !invokerc.Forbids(code) { // likewise
		return nil
	}
	if denied, why := invokerc.Complaint(complaint); denied {
		return errDenied
	} else if why != "" {
		return fmt.Errorf("%s; unregister it, and register it with --restart", strings.TrimSuffix(why, "."))
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
