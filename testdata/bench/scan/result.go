package scan

import (
	"slices"
	"time"

	"pidproof/testdata/bench/report"
)

// Run is what one run of a command cost.
type Run struct {
	Wall   time.Duration // from the fork to the end
	CPU    time.Duration // user and system, with the children it waited for
	Memory KiB           // ru_maxrss: of the largest process among them
}

// KiB is an amount of memory.
type KiB int64

// Size is what was measured beside one number of processes, or of mounts.
type Size struct {
	Processes int
	Mounts    int
	Runs      [][]Run // by command, empty for one that is missing
}

// Result is what the scan benchmark saw.
type Result struct {
	Commands []Command
	Sizes    []Size
	Mounts   []Size
	LeftOut  []string // which sizes, and why
	Setup    string   // why the namespaces could not be made, or empty

	tools  []string
	own    bool       // the processes had a PID namespace of their own
	binary executable // the program that was measured
}

// at is a command beside so many processes, or so many mounts.
type at struct {
	key               string
	processes, mounts int
}

// of is another command there.
func (a at) of(key string) at {
	a.key = key
	return a
}

// runs returns what was measured of a command at a size, or why nothing was.
func (r *Result) runs(of at) (runs []Run, missing string) {
	its := slices.IndexFunc(r.Commands, func(c Command) bool { return c.Key == of.key })
	if its < 0 {
		return nil, of.key + " is unknown"
	}
	if why := r.Commands[its].Missing; why != "" {
		return nil, why
	}
	for _, size := range slices.Concat(r.Sizes, r.Mounts) {
		if size.Processes == of.processes && size.Mounts == of.mounts && len(size.Runs[its]) > 0 {
			return size.Runs[its], ""
		}
	}
	if of.mounts > 0 {
		return nil, count(of.mounts) + " mounts were not measured"
	}
	return nil, count(of.processes) + " processes were not measured"
}

func wall(runs []Run) []time.Duration { return each(runs, func(r Run) time.Duration { return r.Wall }) }
func cpu(runs []Run) []time.Duration  { return each(runs, func(r Run) time.Duration { return r.CPU }) }
func memory(runs []Run) []KiB         { return each(runs, func(r Run) KiB { return r.Memory }) }

func each[T any](runs []Run, of func(Run) T) []T {
	var all []T
	for _, r := range runs {
		all = append(all, of(r))
	}
	return all
}

// ratio compares two medians.
func ratio(a, b []time.Duration) float64 {
	return float64(report.Median(a)) / float64(report.Median(b))
}
