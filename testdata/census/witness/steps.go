package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pidproof/testdata/census"
)

// phase is what dpkg has begun at some time.
type phase struct {
	name string
	when time.Time
}

func (w *witness) begins(name string) {
	w.phases = append(w.phases, phase{name, time.Now()})
	w.seen.Phases = append(w.seen.Phases, name)
}

func (w *witness) during(when time.Time) (name string) {
	for _, p := range w.phases {
		if !when.Before(p.when) {
			name = p.name
		}
	}
	return name
}

// step is told what dpkg is about to do, while it waits. Before it runs another script or replaces the first file, and when
// it has done half of the files, each trigger is knocked at some times: what a slow disk makes likely happens always. It
// answers whether files are going to be replaced or removed now.
func (w *witness) step(s step) (files bool, err error) {
	if s.program != nil {
		if name, ours := w.script(s.program); ours {
			w.knocks.some()
			w.begins(name)
			w.unpacks = w.seen.Operation == census.Remove && name == "prerm"
		}
		w.unpacks = w.unpacks || slices.Contains(s.program, "--fsys-tarfile") // dpkg-deb(1)
		return w.unpacks, nil
	}
	if !w.brought.files[canonical(s.file)] {
		return w.unpacks, nil
	}
	if w.files == 0 {
		w.knocks.some()
		w.begins("unpack")
	}
	w.files++
	if w.files == len(w.brought.files)/2+1 {
		w.knocks.some()
		err = w.half()
	}
	return w.unpacks, err
}

// script finds a maintainer script of the package in "/bin/sh /var/lib/dpkg/info/NAME.prerm upgrade 1.2", or, of a new
// version, "/var/lib/dpkg/tmp.ci/preinst install".
func (w *witness) script(program []string) (name string, is bool) {
	for _, word := range program[:min(len(program), 3)] {
		dir, base := filepath.Split(word)
		extension := filepath.Ext(base)
		switch of, _, _ := strings.Cut(strings.TrimSuffix(base, extension), ":"); {
		case dir == "/var/lib/dpkg/tmp.ci/":
			name = base
		case dir == "/var/lib/dpkg/info/" && of == w.seen.Package:
			name = strings.TrimPrefix(extension, ".")
		}
	}
	return name, slices.Contains([]string{"preinst", "prerm", "postinst", "postrm"}, name)
}

// canonical is a file's name as dpkg-query has it.
func canonical(file string) string {
	return "/" + strings.TrimLeft(file, "/")
}

// half looks at the services while half of the files are new, or gone.
func (w *witness) half() error {
	now, err := w.brought.loaded()
	if err != nil {
		return err
	}
	w.seen.Half = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(w.seen.Units)) {
		if filepath.Ext(name) != ".service" {
			continue
		}
		was, is := w.before[name], now[name]
		runs := slices.Contains([]string{"active", "activating", "reloading", "deactivating"}, is["ActiveState"]) && is["SubState"] != "auto-restart"
		switch {
		case runs && is["InvocationID"] == was["InvocationID"]:
			w.seen.Half[name] = census.Old
		case runs:
			w.seen.Half[name] = census.Started
		case was["ActiveState"] == "active":
			w.seen.Half[name] = census.Stopped
		}
	}
	return nil
}
