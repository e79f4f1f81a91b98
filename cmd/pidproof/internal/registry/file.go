package registry

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"pidproof/cmd/pidproof/internal/shellvars"
)

// readFile reads one registration and the line of its PIDFILE, or says all that is
// wrong with it.
func readFile(dir, name string) (r Registration, line int, wrong []error) {
	r = Registration{Name: name, File: filepath.Join(dir, name)}
	if err := answers(r.File); err != nil {
		return r, 0, []error{err}
	}
	vars, err := shellvars.Read(r.File)
	if err != nil {
		return r, 0, []error{err}
	}
	r, wrong = r.from(vars)
	return r, vars["PIDFILE"].Line, wrong
}

// from fills the registration in from the variables of its file.
func (r Registration) from(vars map[string]shellvars.Var) (Registration, []error) {
	var wrong []error
	at := func(name string, err error) {
		wrong = append(wrong, &shellvars.Error{Path: r.File, Line: vars[name].Line, Why: err.Error()})
	}
	byLine := func(a, b string) int { return vars[a].Line - vars[b].Line }
	for _, name := range slices.SortedFunc(maps.Keys(vars), byLine) {
		value := vars[name].Value
		switch name {
		case "DAEMON":
			if err := checkPath(name, value); err != nil {
				at(name, err)
			}
			r.Daemon = value
		case "PIDFILE":
			if err := checkPath(name, value); err != nil {
				at(name, err)
			}
			r.Pidfile = value
		case "RESTART":
			words, err := shellvars.Words(value)
			if err != nil {
				err = fmt.Errorf("the command in RESTART: %w", err)
			} else {
				err = checkRestart(words)
			}
			if err != nil {
				at(name, err)
			}
			r.Restart = words
		default:
			at(name, fmt.Errorf("%s means nothing here: write DAEMON, PIDFILE or RESTART", name))
		}
	}
	for _, name := range []string{"DAEMON", "PIDFILE"} {
		if _, is := vars[name]; !is {
			wrong = append(wrong, &shellvars.Error{Path: r.File, Why: fmt.Sprintf("%s is missing: add a line %[1]s=PATH", name)})
		}
	}
	if _, is := vars["RESTART"]; !is {
		r.Restart = defaultRestart(r.Name)
	}
	return r, wrong
}

// content is the file of a registration. The default command is a comment, so that
// it is found by whoever edits the file, and follows when that is renamed.
func (r Registration) content() []byte {
	restart := "RESTART=" + shellvars.Quote(r.Command())
	if slices.Equal(r.Restart, defaultRestart(r.Name)) {
		restart = "#" + restart
	}
	return fmt.Appendf(nil, "# Read by pidproof(8), never executed.\nDAEMON=%s\nPIDFILE=%s\n%s\n",
		shellvars.Quote(r.Daemon), shellvars.Quote(r.Pidfile), restart)
}
