package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// cellOrder is one command in one situation, and how many of its faults are to be
// tried; 0: all of them.
type cellOrder struct {
	Situation, Command string
	Faults             int
	Seed               uint64
	Each               bool    // every errno, not only one of each kind
	Errno              string  // this one alone, if it is not ""
	Only               []fault // these alone, if there are any
}

// cellResult is what came of one.
type cellResult struct {
	Situation, Command string
	Exit               int // without a fault
	Runs, Hits         int
	// Reached and Occurrences: how many of the calls that the command makes without a
	// fault were hit by one.
	Reached, Occurrences int
	Failures             []string
}

// play plays a cell.
func (h *host) play(o cellOrder) (cellResult, error) {
	result := cellResult{Situation: o.Situation, Command: o.Command}
	sit, c := situationOf(o.Situation), commandOf(o.Command)
	s, err := h.set(sit, c)
	if err != nil {
		return result, err
	}
	without, err := s.under(fault{}, c)
	if err != nil {
		return result, err
	}
	result.Exit = without.exit
	complain := func(f fault, what string) {
		what = strings.ReplaceAll(what, h.dir, "DIR")
		result.Failures = append(result.Failures, fmt.Sprintf("%s | %s | %s | %s", c.name, sit.name, f, what))
	}
	if wrong := c.judge(s, without, without); wrong != "" {
		complain(fault{}, wrong)
		return result, nil
	}
	if c.name == "check" && without.exit != sit.check {
		complain(fault{}, fmt.Sprintf("exit %d, want %d: %s", without.exit, sit.check, firstLine(without.stdout+without.stderr)))
		return result, nil
	}
	all := occurrences(without)
	reached := map[[2]string]bool{}
	last := without
	for _, f := range o.faults(without) {
		if s.changed(last) {
			if s, err = h.set(sit, c); err != nil {
				return result, err
			}
		}
		r, err := s.under(f, c)
		if err != nil {
			return result, err
		}
		last = r
		result.Runs++
		which, hit := r.hit(f)
		if hit == nil || !hit.own && r.exit == without.exit {
			if wrong := c.judge(s, r, without); wrong != "" && hit == nil {
				complain(f, "not even a fault: "+wrong)
			}
			continue
		}
		result.Hits++
		if key := [2]string{f.Call, fmt.Sprint(which)}; all[key] {
			reached[key] = true
		}
		wrong := c.judge(s, r, without)
		if wrong == "" {
			continue
		}
		lie, err := c.indistinguishable(s, sit, f, hit, r)
		if err != nil {
			return result, err
		}
		if s, err = h.set(sit, c); err != nil { // it may have used up the other
			return result, err
		}
		last = run{}
		if !lie {
			complain(f, fmt.Sprintf("%s, want exit %d; it failed: %s(%s)", wrong, without.exit, hit.name, hit.args))
		}
	}
	result.Reached, result.Occurrences = len(reached), len(all)
	return result, nil
}

// set arranges a situation for a command.
func (h *host) set(sit situation, c command) (*scene, error) {
	s, err := h.arrange(sit)
	if err != nil || c.prepare == nil {
		return s, err
	}
	if err := c.prepare(s); err != nil {
		return s, fmt.Errorf("preparing: %w", err)
	}
	s.files = s.present()
	return s, nil
}

// changed reports that a run has left other processes or files; who got a signal may
// end at any moment.
func (s *scene) changed(by run) bool {
	return len(by.signals()) > 0 || len(s.gone()) > 0 || (command{}).files(s) != ""
}

// occurrences are the calls of a run that are pidproof's own, each with its number.
func occurrences(r run) map[[2]string]bool {
	all, n := map[[2]string]bool{}, map[string]int{}
	for _, c := range r.calls {
		if n[c.name]++; c.own && slices.Contains(calls, c.name) {
			all[[2]string{c.name, fmt.Sprint(n[c.name])}] = true
		}
	}
	return all
}

// faults are those to be injected, in an order of chance. strace counts by thread, and
// goroutines change theirs, so that the nth call of a thread is not always the same
// one: as many are tried as there are calls, and what a cell reached is counted.
func (o cellOrder) faults(without run) (list []fault) {
	if len(o.Only) > 0 {
		return o.Only
	}
	random := rand.New(rand.NewPCG(o.Seed, 0))
	byThread, all := without.most()
	for _, name := range calls {
		kinds := errnos
		if only, is := forking[name]; is {
			kinds = only
		}
		if o.Errno != "" {
			kinds = [][]string{{o.Errno}}
		}
		for i := without.before(name); i < all[name]; i++ {
			n := i%byThread[name] + 1
			for _, kind := range kinds {
				if !o.Each {
					kind = []string{kind[random.IntN(len(kind))]}
				}
				for _, errno := range kind {
					list = append(list, fault{name, errno, n})
				}
			}
		}
	}
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	if o.Faults > 0 && len(list) > o.Faults {
		list = list[:o.Faults]
	}
	return list
}
