package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"pidproof/testdata/census"
)

const (
	callsFile = "/run/census/calls" // what the stand-ins have written: see census_test.go
	// patience is for what should come to rest; all of it is only waited for where something is wrong.
	patience = 30 * time.Second
)

// witness watches one operation.
type witness struct {
	seen    census.Seen
	before  map[string]unit
	phases  []phase
	files   int  // that dpkg has put in place, or removed
	unpacks bool // dpkg is at the files
	knocks  *knocking
	brought contents
}

// operate has dpkg do it, from a state that has come to rest to the next.
func (w *witness) operate(dpkg ...string) (err error) {
	if w.brought, err = contentsOf(w.seen.Package); err != nil {
		return err
	}
	listened, err := w.knockUntilRest()
	if err != nil {
		return err
	}
	defer w.knocks.end()
	if err := os.Remove(callsFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	said, err := os.Create("/run/census/said")
	if err != nil {
		return err
	}
	defer said.Close()
	rounds := w.knocks.rounds()
	w.begins("dpkg")
	_, err = os.Stat("/var/lib/dpkg/info/" + w.seen.Package + ".prerm")
	w.unpacks = w.seen.Operation == census.Remove && errors.Is(err, fs.ErrNotExist) // nothing comes before it removes files
	if w.seen.Exit, err = trace(append([]string{"/usr/bin/dpkg"}, dpkg...), said, w.unpacks, w.step); err != nil {
		return err
	}
	w.begins("end")
	w.seen.Rounds = w.knocks.rounds() - rounds
	if err := w.called(); err != nil {
		return err
	}
	w.knocks.some()
	if err := w.afterwards(listened); err != nil {
		return err
	}
	if err := w.meanwhile(); err != nil {
		return err
	}
	if err := w.said(said.Name()); err != nil {
		return err
	}
	all, err := w.brought.loaded()
	if err != nil {
		return err
	}
	return w.brought.calm(all)
}

// knockUntilRest begins to knock, and waits until that has started what it starts.
func (w *witness) knockUntilRest() (listened []string, err error) {
	all, err := w.brought.loaded()
	if err != nil {
		return nil, err
	}
	if err := w.brought.strike(all); err != nil {
		return nil, err
	}
	w.knocks = w.brought.knockers(all)
	for _, t := range w.knocks.triggers {
		w.seen.Triggers = append(w.seen.Triggers, t.name)
	}
	if len(w.seen.Triggers) == 0 {
		return nil, errors.New("the package brings nothing that could start a service on demand")
	}
	slices.Sort(w.seen.Triggers)
	w.knocks.some()
	last := ""
	err = until(func() (bool, error) {
		if w.before, err = w.brought.loaded(); err != nil {
			return false, err
		}
		w.seen.Units = w.brought.states(w.before)
		if listened, err = listening(); err != nil {
			return false, err
		}
		now := fmt.Sprint(w.seen.Units, listened)
		rests := now == last && !strings.Contains(now, "activating")
		last = now
		w.knocks.some()
		return rests, nil
	})
	return listened, err
}

// until asks until the answer is yes, or patience ends: then things are taken as they are.
func until(yes func() (bool, error)) error {
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		if is, err := yes(); is || err != nil || time.Now().After(end) {
			return err
		}
	}
}
