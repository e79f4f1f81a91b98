package starters

import "strings"

// template is a unit that is started once for each instance, whose pidfile has the name of
// that between these two.
type template struct{ unit, before, after string }

// unitPidfile is PIDFile= of systemd.service(5): the last counts, and an empty one takes
// back.
func unitPidfile(content []byte) (pidfile string) {
	for line := range strings.Lines(string(content)) {
		if value, is := strings.CutPrefix(strings.TrimSpace(line), "PIDFile="); is {
			pidfile = strings.TrimSpace(value)
		}
	}
	pidfile = strings.NewReplacer("%t", "/run", "%%", "%").Replace(pidfile)
	if pidfile != "" && !strings.HasPrefix(pidfile, "/") {
		pidfile = "/run/" + pidfile
	}
	return pidfile
}

// unitDaemon is the program of ExecStart= in systemd.service(5), where there is one.
func unitDaemon(content []byte) (daemon string) {
	for line := range strings.Lines(string(content)) {
		value, is := strings.CutPrefix(strings.TrimSpace(line), "ExecStart=")
		if word, _, _ := strings.Cut(strings.TrimLeft(value, "@-:+!"), " "); is {
			if daemon != "" || strings.ContainsAny(word, "%$\"'") || !strings.HasPrefix(word, "/") {
				return ""
			}
			daemon = word
		}
	}
	return daemon
}

func (s *Starters) addUnit(name, pidfile string) {
	path := canonical(pidfile)
	if path == "" {
		return
	}
	for _, specifier := range []string{"%i", "%I", "%j", "%p", "%n", "%N"} {
		if before, after, found := strings.Cut(path, specifier); found {
			if strings.HasSuffix(name, "@") && strings.ToLower(specifier) == "%i" && !strings.Contains(before+after, "%") {
				s.templates = append(s.templates, template{name, before, after})
			}
			return
		}
	}
	if !strings.HasSuffix(name, "@") {
		s.units[path] = append(s.units[path], name)
	}
}

// instanceOf are the instances of templates that have this pidfile.
func (s *Starters) instanceOf(pidfile string) (names []string) {
	for _, t := range s.templates {
		instance, begins := strings.CutPrefix(pidfile, t.before)
		instance, ends := strings.CutSuffix(instance, t.after)
		if begins && ends && instance != "" && !strings.Contains(instance, "/") {
			names = append(names, t.unit+instance)
		}
	}
	return names
}
