// Package adopting sees to it that no process comes into two pidfiles by adopt: only one
// writes at a time, and knows which pidfiles the others have written.
package adopting

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"pidproof/cmd/pidproof/internal/ask"
	"pidproof/cmd/pidproof/internal/onlyone"
	"pidproof/cmd/pidproof/internal/registry"
	"pidproof/cmd/pidproof/internal/shellvars"
	"pidproof/cmd/pidproof/internal/wholefile"
	"pidproof/matcher"
)

// remembered is how many pidfiles are known that were written since the host has started.
const remembered = 256

// Begin waits until nobody else adopts, as long as for an answer.
func Begin(a *ask.Asker) (end func(), err error) {
	patience := a.Timeout
	if patience == 0 {
		patience = time.Hour
	}
	end, err = onlyone.Lock("adopt.lock", patience)
	if errors.Is(err, onlyone.ErrTaken) {
		err = errors.New("another pidproof adopts a process at this moment; try again when it is done")
	}
	return end, err
}

// Elsewhere says which other pidfile names the process that was adopted into it; "" if none
// does. Of a pidfile that lies outside /run and is not registered nobody else knows.
func Elsewhere(a *ask.Asker, r matcher.Report, main *matcher.Process) (other string, err error) {
	written, err := read()
	for _, path := range written {
		if registry.SamePidfile(path, r.Pidfile.Path) {
			continue
		}
		o, failed := a.Check(matcher.Instance{Daemon: r.Daemon.Path, Pidfile: path, PidfileOnly: true})
		if failed == nil && o.Pidfile.PID == main.Evidence.PID && o.Verdict != matcher.Dead && o.Verdict != matcher.NotRunning {
			return fmt.Sprintf("%d was adopted: %s names it", main.Evidence.PID, path), nil
		}
	}
	return "", err
}

// Note remembers a pidfile that was written.
func Note(pidfile string) error {
	written, err := read()
	if err != nil {
		return err
	}
	written = append(slices.DeleteFunc(written, func(path string) bool { return path == pidfile }), pidfile)
	written = written[max(0, len(written)-remembered):]
	err = wholefile.Write(file(), []byte(strings.Join(written, "\x00")), 0o600)
	if os.Geteuid() != 0 && (errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist)) {
		return nil // whose processes are his own
	}
	return err
}

func file() string { return onlyone.File("adopted") }

// read gives the paths, which may hold any byte but 0.
func read() ([]string, error) {
	st, err := os.Lstat(file())
	if errors.Is(err, fs.ErrNotExist) || os.Geteuid() != 0 && errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New(file() + " is no regular file: remove it")
	}
	if err == nil {
		err = shellvars.Trusted(file(), st)
	}
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(file())
	if os.Geteuid() != 0 && errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	if err != nil || len(content) == 0 {
		return nil, err
	}
	return strings.Split(string(content), "\x00"), nil
}
