package main

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"pidproof/testdata/census"
)

// called reads what the stand-ins have written of this package.
func (w *witness) called() error {
	file, err := os.Open(callsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if words := strings.SplitN(lines.Text(), "\t", 3); len(words) == 3 && words[0] == w.seen.Package {
			w.seen.Calls = append(w.seen.Calls, census.Call{Script: words[1], Command: words[2]})
		}
	}
	return lines.Err()
}

// meanwhile reads what systemd has started and stopped.
func (w *witness) meanwhile() error {
	if w.files == 0 {
		return errors.New("dpkg was not seen to touch a file of the package")
	}
	found, err := events(w.phases[0].when)
	if err != nil {
		return err
	}
	for _, e := range found {
		ours := w.brought.owns(e.unit)
		switch {
		case ours && e.kind == unitStarting && strings.HasSuffix(e.unit, ".service"):
			if start := (census.Start{Unit: template(e.unit), During: w.during(e.when)}); !slices.Contains(w.seen.Starts, start) {
				w.seen.Starts = append(w.seen.Starts, start)
			}
		case !ours && (e.kind == unitStopped || e.kind == unitFailed):
			if !slices.Contains(w.seen.Others, e.unit) {
				w.seen.Others = append(w.seen.Others, e.unit)
			}
		}
	}
	return nil
}

// said reads what pidproof had to say.
func (w *witness) said(file string) error {
	content, err := os.ReadFile(file)
	for line := range strings.Lines(string(content)) {
		if strings.Contains(line, "pidproof: ") {
			w.seen.Said = append(w.seen.Said, strings.TrimSpace(line))
		}
	}
	return err
}
