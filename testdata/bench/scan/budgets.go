package scan

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// budget is a promise about pidproof: the median of one measure is at most limit times the median of a peer's, in the
// same run.
type budget struct {
	what    string
	measure func([]Run) []time.Duration
	ours    at
	theirs  at
	limit   float64
	// beside: each is taken as a multiple of the floor's at the same size. The sizes are measured one after the other,
	// and whatever else the machine does meanwhile slows all programs. So does what Go's runtime does at each start: it
	// reads the table of mounts up to that of its control groups.
	beside bool
}

const (
	thousands  = 10000
	fewMounts  = 100
	manyMounts = 5000
)

// budgets are those of issues 4, 14 and 15. What is promised beside sysvinit's pidof and pgrep differs from kernel to kernel: they
// read /proc/PID/stat and more, pidproof the exe link. On Linux 6.18 builds of one year the same program of ours took between
// 1/3.4 and 1/5.1 of that pidof's CPU time, and between 1/9 and 1/17 of that pgrep's time.
var budgets = []budget{
	{what: "check, settled by the pidfile: growth of its wall time from 100 to 10,000 processes, beside the floor's",
		measure: wall, ours: at{key: check, processes: thousands}, theirs: at{key: check, processes: 100}, limit: 1.15, beside: true},
	{what: "check, settled by the pidfile: growth of its CPU time from 100 to 10,000 processes, beside the floor's",
		measure: cpu, ours: at{key: check, processes: thousands}, theirs: at{key: check, processes: 100}, limit: 1.15, beside: true},
	{what: "check, settled by the pidfile: growth of its wall time from 100 to 5,000 mounts, beside the floor's",
		measure: wall, ours: at{key: check, mounts: manyMounts}, theirs: at{key: check, mounts: fewMounts}, limit: 1.15, beside: true},
	{what: "check, settled by the pidfile: growth of its CPU time from 100 to 5,000 mounts, beside the floor's",
		measure: cpu, ours: at{key: check, mounts: manyMounts}, theirs: at{key: check, mounts: fewMounts}, limit: 1.15, beside: true},
	{what: "check, settled by the pidfile: CPU time to the floor's",
		measure: cpu, ours: at{key: check, processes: thousands}, theirs: at{key: floor, processes: thousands}, limit: 1.6},
	{what: "check, settled by the pidfile: wall time to apache2's pipeline's",
		measure: wall, ours: at{key: check, processes: thousands}, theirs: at{key: pipeline, processes: thousands}, limit: 1. / 50},
	{what: "pidof PATH: CPU time to sysvinit's pidof's",
		measure: cpu, ours: at{key: pidof, processes: thousands}, theirs: at{key: sysvinit, processes: thousands}, limit: 1. / 3},
	{what: "pidof PATH: wall time to sysvinit's pidof's",
		measure: wall, ours: at{key: pidof, processes: thousands}, theirs: at{key: sysvinit, processes: thousands}, limit: 1. / 4},
	{what: "pidof PATH: wall time to start-stop-daemon --status --exec's",
		measure: wall, ours: at{key: pidof, processes: thousands}, theirs: at{key: ssd, processes: thousands}, limit: 0.75},
	{what: "start-stop-daemon --start --pidfile, with the look for who runs outside every pidfile: wall time to dpkg's --start --exec's",
		measure: wall, ours: at{key: start, processes: thousands}, theirs: at{key: ssdStart, processes: thousands}, limit: 1},
	{what: "pidof PATH: wall time to pgrep's",
		measure: wall, ours: at{key: pidof, processes: thousands}, theirs: at{key: pgrep, processes: thousands}, limit: 1. / 8},
}

const (
	// memoryBudget is for every run of every pidproof command at 10,000 processes.
	memoryBudget KiB = 16 << 10
	// binaryBudget is in bytes: 7.5 MiB, of which procfs takes 0.1, the commands that read init scripts 0.3, doctor 0.06, and audit with
	// its shell parser 0.6.
	binaryBudget = 30 << 18
)

// finding is what became of one budget.
type finding struct {
	what, seen, limit string
	missing           string // why it was not checked, or empty
	kept              bool
}

func (f finding) String() string {
	switch {
	case f.missing != "":
		return fmt.Sprintf("%s: not checked: %s", f.what, f.missing)
	case f.kept:
		return fmt.Sprintf("%s: %s, at most %s", f.what, f.seen, f.limit)
	}
	return fmt.Sprintf("%s: %s, and at most %s are promised", f.what, f.seen, f.limit)
}

func (r *Result) findings() []finding {
	var all []finding
	for _, b := range budgets {
		all = append(all, b.find(r))
	}
	return append(all, r.findMemory(), r.findBinary())
}

func (b budget) find(r *Result) finding {
	f := finding{what: b.what, limit: times(b.limit)}
	ours, missing := r.runs(b.ours)
	theirs, alsoMissing := r.runs(b.theirs)
	if f.missing = missing; missing == "" {
		f.missing = alsoMissing
	}
	if f.missing != "" {
		return f
	}
	is := ratio(b.measure(ours), b.measure(theirs))
	if b.beside {
		here, _ := r.runs(b.ours.of(floor)) // it is never missing
		there, _ := r.runs(b.theirs.of(floor))
		is /= ratio(b.measure(here), b.measure(there))
	}
	f.seen, f.kept = times(is), is <= b.limit
	return f
}

func (r *Result) findMemory() finding {
	f := finding{what: "peak memory of every pidproof command at 10,000 processes", limit: mib(memoryBudget), kept: true}
	var peak KiB
	for _, c := range r.Commands {
		if !c.Ours {
			continue
		}
		runs, missing := r.runs(at{key: c.Key, processes: thousands})
		if missing != "" {
			f.missing = missing
			return f
		}
		peak = max(peak, slices.Max(memory(runs)))
	}
	f.seen, f.kept = mib(peak), peak <= memoryBudget
	return f
}

func (r *Result) findBinary() finding {
	return finding{what: "size of the stripped program for amd64", missing: r.binary.unlike,
		seen: mib(KiB(r.binary.bytes >> 10)), limit: mib(binaryBudget >> 10), kept: r.binary.bytes <= binaryBudget}
}

// Check fails with every budget that was missed, or could not be checked.
func (r *Result) Check() error {
	var all []error
	for _, f := range r.findings() {
		if f.missing != "" || !f.kept {
			all = append(all, errors.New(f.String()))
		}
	}
	return errors.Join(all...)
}
