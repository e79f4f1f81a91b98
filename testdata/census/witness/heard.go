package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
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
		words := strings.SplitN(lines.Text(), "\t", 4)
		if len(words) != 4 || words[1] != w.seen.Package {
			continue
		}
		when, err := strconv.ParseFloat(words[0], 64)
		if err != nil {
			return fmt.Errorf("%s: %w", callsFile, err)
		}
		w.seen.Calls = append(w.seen.Calls, census.Call{Script: words[2], Command: words[3], When: when})
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
	asked, stopped := w.seen.Asked(), map[string]bool{}
	for _, e := range found {
		ours, when := w.brought.owns(e.unit), float64(e.when.UnixMicro())/1e6
		switch {
		case ours && e.kind == unitStopped:
			stopped[e.unit] = stopped[e.unit] || asked > 0 && when > asked
		case ours && e.kind == unitStarting && strings.HasSuffix(e.unit, ".service"):
			start := census.Start{Unit: template(e.unit), During: w.during(e.when), Again: stopped[e.unit]}
			for start.Calls < len(w.seen.Calls) && w.seen.Calls[start.Calls].When < when {
				start.Calls++
			}
			if !slices.Contains(w.seen.Starts, start) {
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
