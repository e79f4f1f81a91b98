// Package settings reads what an administrator has set for the whole host.
package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"pidproof/cmd/pidproof/internal/shellvars"
)

// file is read like a shell would read it, and never executed.
const file = "/etc/default/pidproof"

// Setting is one variable, and the values that it may have. The first counts where none is
// given: whoever mistypes another is told, and loses nothing.
type Setting struct {
	name   string
	values []string
}

var (
	// AfterUpgrade is what is done after apt has upgraded packages.
	AfterUpgrade = Setting{"AFTER_UPGRADE", []string{"report", "restart", "off"}}
	// Start is what is done where a daemon that is to be started runs outside every pidfile.
	Start = Setting{"PIDPROOF_START", []string{"warn", Strict}}
)

// Strict is a value of Start: nothing is started.
const Strict = "strict"

// Value reads what a setting is set to.
func (s Setting) Value(warn func(format string, args ...any)) string {
	otherwise := s.values[0]
	vars, err := shellvars.Read(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return otherwise
	case err != nil:
		warn("%v; it counts as %s=%s", err, s.name, otherwise)
		return otherwise
	}
	for _, wrong := range unknown(vars) {
		warn("%s", wrong)
	}
	value, err := s.in(vars)
	if err != nil {
		warn("%v", err)
	}
	return value
}

// All are the settings as NAME=VALUE, with what is wrong in the file. An error means that it
// could not be read; none that it is absent.
func All() (values, wrong []string, err error) {
	vars, err := shellvars.Read(file)
	inLine := (*shellvars.Error)(nil)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.As(err, &inLine):
		return nil, []string{err.Error()}, nil
	case err != nil:
		return nil, nil, err
	}
	wrong = unknown(vars)
	for _, s := range []Setting{AfterUpgrade, Start} {
		value, err := s.in(vars)
		if err != nil {
			wrong = append(wrong, err.Error())
		}
		values = append(values, s.name+"="+value)
	}
	return values, wrong, nil
}

// unknown complains of what means nothing.
func unknown(vars map[string]shellvars.Var) (wrong []string) {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if name != AfterUpgrade.name && name != Start.name {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s means nothing here: write %s or %s", file, vars[name].Line, name, AfterUpgrade.name, Start.name))
		}
	}
	return wrong
}

// in is what a setting is set to in the file.
func (s Setting) in(vars map[string]shellvars.Var) (string, error) {
	switch value := vars[s.name].Value; {
	case value == "":
		return s.values[0], nil
	case !slices.Contains(s.values, value):
		last := len(s.values) - 1
		return s.values[0], fmt.Errorf("%s: %s=%s is none of %s and %s; it counts as %s", file, s.name, value, strings.Join(s.values[:last], ", "), s.values[last], s.values[0])
	default:
		return value, nil
	}
}
