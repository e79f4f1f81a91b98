package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pidproof/testdata/census"
)

// afterwards compares with before, and gives it time to become the same. After removal nothing should be left.
func (w *witness) afterwards(listened []string) error {
	return until(func() (bool, error) {
		all, err := w.brought.loaded()
		if err != nil {
			return false, err
		}
		now, err := listening()
		if err != nil {
			return false, err
		}
		if w.seen.Operation == census.Remove {
			w.seen.Changed = left(w.brought.states(all), listened, now)
		} else {
			w.seen.Changed = changed(w.seen.Units, w.brought.states(all), listened, now)
		}
		return len(w.seen.Changed) == 0, nil
	})
}

func changed(were, are map[string]string, listened, listens []string) (found []string) {
	for _, name := range slices.Sorted(maps.Keys(were)) {
		if is := are[name]; is != were[name] && !(is == "" && were[name] == "inactive") {
			found = append(found, fmt.Sprintf("%s was %s, is %s", name, were[name], or(is, "inactive")))
		}
	}
	for _, socket := range listened {
		if !slices.Contains(listens, socket) {
			found = append(found, "nobody listens: "+socket)
		}
	}
	for _, socket := range listens {
		if !slices.Contains(listened, socket) {
			found = append(found, "listens only now: "+socket)
		}
	}
	return found
}

// left are units that are still active, and sockets that were not there when the host had booted.
func left(are map[string]string, listened, listens []string) (found []string) {
	for _, name := range slices.Sorted(maps.Keys(are)) {
		if is := are[name]; is == "active" || strings.HasSuffix(is, "activating") {
			found = append(found, name+" is "+is)
		}
	}
	for _, socket := range listens {
		if !slices.Contains(listened, socket) {
			found = append(found, "listens only now: "+socket)
		}
	}
	return found
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
