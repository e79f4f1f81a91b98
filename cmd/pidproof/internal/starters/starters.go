// Package starters knows what starts the instances of this host: which pidfiles its init
// scripts (script.go) and systemd's units (unit.go) name. They are read, and nothing of
// them is executed.
package starters

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/shellvars"
)

const (
	scripts  = "/etc/init.d"
	defaults = "/etc/default"
	// filesLimit is how many files of a directory are read: a host has a few hundred.
	filesLimit = 4096
)

// units are systemd's directories, systemd.unit(5): the first that has a unit counts.
var units = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// Starters are the init scripts and units of a host, by the pidfiles that they name.
type Starters struct {
	scripts, units map[string][]string // names, by pidfile
	templates      []template
	daemons        map[string]string // by pidfile, of what names one of each
}

// Read reads them. What only root could have written counts, and what cannot be read names
// nothing: who is asked for a name has another one, too.
func Read() *Starters {
	s := &Starters{scripts: map[string][]string{}, units: map[string][]string{}, daemons: map[string]string{}}
	eachFile(scripts, "", func(name string, content []byte) {
		pidfiles := scriptPidfiles(content, settings(name))
		for _, pidfile := range pidfiles {
			s.scripts[pidfile] = append(s.scripts[pidfile], name)
		}
		if daemon := scriptDaemon(content); daemon != "" && len(pidfiles) == 1 {
			s.daemons[pidfiles[0]] = daemon
		}
	})
	seen := map[string]bool{}
	for _, dir := range units {
		eachFile(dir, ".service", func(file string, content []byte) {
			if name := strings.TrimSuffix(file, ".service"); !seen[name] {
				seen[name] = true
				s.addUnit(name, unitPidfile(content))
				if path := canonical(unitPidfile(content)); path != "" && unitDaemon(content) != "" && s.daemons[path] == "" {
					s.daemons[path] = unitDaemon(content)
				}
			}
		})
	}
	return s
}

// NameOf is the name of the init script, or else of the unit, that names a pidfile; "" if
// there is none, or several, none of which is called like the pidfile.
func (s *Starters) NameOf(pidfile string) string {
	name, _ := s.find(pidfile)
	return name
}

// RestartOf is the command that restarts what has a pidfile; "" if none is known. Where none
// names it, it is the script's that is called as the pidfile, or the directory which that has
// for itself: /run/apache2/apache2.pid, /run/apache2-foo/apache2.pid.
func (s *Starters) RestartOf(pidfile string) string {
	name, isScript := s.find(pidfile)
	if name == "" {
		rest, _ := strings.CutPrefix(pidfile, "/run/")
		own, file, below := strings.Cut(rest, "/")
		if !below {
			own, file = strings.TrimSuffix(rest, ".pid"), ""
		}
		if _, err := os.Stat(filepath.Join(scripts, own)); err == nil && own != "" && !strings.Contains(file, "/") {
			name, isScript = own, true
		}
	}
	switch {
	case name == "":
		return ""
	case !isScript && strings.Contains(name, "@"): // which invoke-rc.d does not know
		return "systemctl restart " + shellvars.Quote(name)
	}
	return "invoke-rc.d " + shellvars.Quote(name) + " restart"
}

func (s *Starters) find(pidfile string) (name string, isScript bool) {
	base := filepath.Base(pidfile)
	for i, names := range [][]string{s.scripts[pidfile], s.units[pidfile], s.instanceOf(pidfile)} {
		if len(names) == 1 {
			return names[0], i == 0
		}
		alike := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(base, name) })
		if len(alike) > 0 { // the longest: apache2-foo, not apache2
			return slices.MaxFunc(alike, func(a, b string) int { return len(a) - len(b) }), i == 0
		}
	}
	return "", false
}

// Pidfiles are all that they name, but for the templates' instances.
func (s *Starters) Pidfiles() (paths []string) {
	for _, of := range []map[string][]string{s.scripts, s.units} {
		for path := range of {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// PidfileOf is the pidfile that an init script or unit names which starts a daemon, by one of
// its paths; "" where none does, or they name several.
func PidfileOf(daemon ...string) string {
	var found []string
	add := func(content []byte, pidfiles ...string) {
		if !slices.ContainsFunc(daemon, func(path string) bool { return hasPath(string(content), path) }) {
			return
		}
		for _, pidfile := range pidfiles {
			if pidfile != "" && !slices.Contains(found, pidfile) {
				found = append(found, pidfile)
			}
		}
	}
	eachFile(scripts, "", func(name string, content []byte) { add(content, scriptPidfiles(content, settings(name))...) })
	if len(found) == 0 { // Debian's scripts and units are for one and the same service
		for _, dir := range units {
			eachFile(dir, ".service", func(_ string, content []byte) {
				if pidfile := canonical(unitPidfile(content)); !strings.Contains(pidfile, "%") {
					add(content, pidfile)
				}
			})
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// hasPath reports that a path stands in a text as a word, or at the end of one.
func hasPath(text, path string) bool {
	for at := strings.Index(text, path); at >= 0 && path != ""; {
		end := at + len(path)
		isName := func(b byte) bool {
			return b == '/' || b == '-' || b == '_' || b == '.' || b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
		}
		if (at == 0 || !isName(text[at-1])) && (end == len(text) || !isName(text[end])) {
			return true
		}
		next := strings.Index(text[end:], path)
		if next < 0 {
			break
		}
		at = end + next
	}
	return false
}

// Daemons are those that are started with a pidfile, by its path.
func (s *Starters) Daemons() map[string]string { return s.daemons }

// eachFile reads the regular files of a directory, by name.
func eachFile(dir, suffix string, visit func(name string, content []byte)) {
	list, err := os.Open(dir)
	if err != nil {
		return
	}
	defer list.Close()
	names, _ := list.Readdirnames(filesLimit)
	slices.Sort(names)
	for _, name := range names {
		if !strings.HasSuffix(name, suffix) {
			continue
		}
		if content, err := trusted(filepath.Join(dir, name)); err == nil {
			visit(name, content)
		}
	}
}

// trusted reads the beginning of a file that only root, or who asks, can have written. A
// link is another name of a service that has one.
func trusted(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = unix.EINVAL
	}
	if err == nil {
		err = shellvars.Trusted(path, st)
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(file, shellvars.Limit))
}

// settings are what /etc/default has for an init script, as far as that can be told.
func settings(name string) map[string]shellvars.Var {
	vars, err := shellvars.Read(filepath.Join(defaults, name))
	if err != nil {
		return nil
	}
	return vars
}

// canonical is a path as list shows it: /var/run is a link to /run (FHS 3.0, 3.15). "" for
// what is no pidfile's.
func canonical(path string) string {
	if !filepath.IsAbs(path) || strings.ContainsAny(path, "*?[`\\") || !strings.Contains(strings.ToLower(filepath.Base(path)), "pid") {
		return ""
	}
	path = filepath.Clean(path)
	if rest, is := strings.CutPrefix(path, "/var/run/"); is {
		return "/run/" + rest
	}
	return path
}
