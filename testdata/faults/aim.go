package faults

import (
	"math/rand/v2"
	"slices"
)

// occurrence is the nth call of a kind in a whole process.
type occurrence struct {
	call string
	nth  int
}

// aim is which occurrences of a cell were met by a fault. strace counts the calls of each thread, and which thread makes the
// last ones is a matter of chance.
type aim struct {
	all     []occurrence
	reached map[occurrence]bool
	hits    []landed
}

// landed is a fault, and which call of the whole process it came to.
type landed struct {
	fault
	which int
}

func (a *aim) met(f fault, which int) {
	a.hits = append(a.hits, landed{f, which})
	if at := (occurrence{f.Call, which}); slices.Contains(a.all, at) {
		a.reached[at] = true
	}
}

// missed are faults for what was not reached yet: as those of the list, at the number in its thread that it had in a run on
// one processor, where threads take turns less, or at that where a near one was hit.
func (a *aim) missed(list []fault, alone run, random *rand.Rand) (faults []fault) {
	numbers := alone.inThreads()
	for _, at := range a.all {
		if a.reached[at] {
			continue
		}
		of := slices.DeleteFunc(slices.Clone(list), func(f fault) bool { return f.Call != at.call })
		if len(of) == 0 {
			continue
		}
		f := of[random.IntN(len(of))]
		if n, made := numbers[at]; made {
			f.Nth, f.Alone = n, true
			faults = append(faults, f)
		}
		near := slices.DeleteFunc(slices.Clone(a.hits), func(h landed) bool { return h.Call != at.call || h.Alone })
		if len(near) == 0 {
			continue
		}
		slices.SortStableFunc(near, func(x, y landed) int { return distance(x.which, at.nth) - distance(y.which, at.nth) })
		f.Nth, f.Alone = near[random.IntN(min(len(near), nearest))].Nth, false
		faults = append(faults, f)
	}
	return faults
}

// nearest is of how many hits the number in a thread is taken.
const nearest = 8

func distance(a, b int) int { return max(a-b, b-a) }

// occurrences are the calls of a run that are pidproof's own, each with its number.
func occurrences(r run) (all []occurrence) {
	n := map[string]int{}
	for _, c := range r.calls {
		if n[c.name]++; c.own && slices.Contains(calls, c.name) {
			all = append(all, occurrence{c.name, n[c.name]})
		}
	}
	return all
}

// faults are those to be injected, in an order of chance. strace counts by thread, and
// goroutines change theirs, so that the nth call of a thread is not always the same
// one: as many are tried as there are calls, and what a cell reached is counted.
func (o cellOrder) faults(without run, random *rand.Rand) (list []fault) {
	if len(o.Only) > 0 {
		return o.Only
	}
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
					list = append(list, fault{Call: name, Errno: errno, Nth: n})
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
