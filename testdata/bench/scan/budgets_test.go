package scan

import (
	"strings"
	"testing"
	"time"
)

// invented is a result in which everything takes 1,000 ms, and pidproof just what every budget allows.
func invented() *Result {
	r := &Result{binary: executable{bytes: binaryBudget}}
	for _, key := range []string{check, status, pidof, stale, sysvinit, pipeline, busybox, pgrep, pgrepFull,
		ssd, ssdPidfile, ssdStart, start, pidofproc, empty, floor} {
		r.Commands = append(r.Commands, Command{Key: key, Name: key, Plot: key,
			Ours: key == check || key == status || key == pidof || key == stale || key == start})
	}
	for _, processes := range []int{100, 1000, thousands} {
		size := Size{Processes: processes, Runs: make([][]Run, len(r.Commands))}
		for i := range r.Commands {
			size.Runs[i] = []Run{{time.Second, time.Second, memoryBudget}}
		}
		r.Sizes = append(r.Sizes, size)
	}
	ms := time.Millisecond
	for _, mounts := range []int{fewMounts, manyMounts} {
		size := Size{Mounts: mounts, Runs: make([][]Run, len(r.Commands))}
		for i, c := range r.Commands {
			if c.Key == check || c.Key == floor || c.Key == empty {
				size.Runs[i] = []Run{{20 * ms, 16 * ms, memoryBudget}}
			}
		}
		r.Mounts = append(r.Mounts, size)
	}
	for _, processes := range []int{100, thousands} {
		r.set(at{key: check, processes: processes}, 20*ms, 16*ms)
		r.set(at{key: floor, processes: processes}, 10*ms, 10*ms)
	}
	r.set(at{key: pidof, processes: thousands}, 60*ms, 200*ms)
	r.set(at{key: sysvinit, processes: thousands}, 240*ms, 600*ms)
	r.set(at{key: pgrep, processes: thousands}, 480*ms, time.Second)
	r.set(at{key: ssd, processes: thousands}, 80*ms, time.Second)
	return r
}

func (r *Result) set(where at, wall, cpu time.Duration) *Run {
	runs, missing := r.runs(where)
	if missing != "" {
		panic(missing)
	}
	runs[0].Wall, runs[0].CPU = wall, cpu
	return &runs[0]
}

func TestBudgets(t *testing.T) {
	if err := invented().Check(); err != nil {
		t.Fatalf("just what is allowed: %v", err)
	}
	ms := time.Millisecond
	for _, c := range []struct {
		missed string // what its line begins with
		worse  func(r *Result)
	}{
		{"check, settled by the pidfile: growth of its wall time from 100 to 10", func(r *Result) { r.set(at{key: check, processes: 100}, 17*ms, 16*ms) }},
		{"check, settled by the pidfile: growth of its CPU time from 100 to 10", func(r *Result) { r.set(at{key: check, processes: 100}, 20*ms, 13*ms) }},
		{"check, settled by the pidfile: growth of its wall time from 100 to 5,000 mounts", func(r *Result) { r.set(at{key: check, mounts: manyMounts}, 24*ms, 16*ms) }},
		{"check, settled by the pidfile: growth of its CPU time from 100 to 5,000 mounts", func(r *Result) { r.set(at{key: check, mounts: manyMounts}, 20*ms, 19*ms) }},
		{"check, settled by the pidfile: CPU time to the floor", func(r *Result) { r.set(at{key: check, processes: thousands}, 20*ms, 17*ms) }},
		{"check, settled by the pidfile: wall time to apache2", func(r *Result) { r.set(at{key: pipeline, processes: thousands}, 999*ms, time.Second) }},
		{"pidof PATH: CPU time to sysvinit", func(r *Result) { r.set(at{key: pidof, processes: thousands}, 60*ms, 201*ms) }},
		{"pidof PATH: wall time to sysvinit", func(r *Result) { r.set(at{key: sysvinit, processes: thousands}, 239*ms, 600*ms) }},
		{"pidof PATH: wall time to start-stop-daemon", func(r *Result) { r.set(at{key: ssd, processes: thousands}, 79*ms, time.Second) }},
		{"start-stop-daemon --start --pidfile", func(r *Result) { r.set(at{key: ssdStart, processes: thousands}, 999*ms, time.Second) }},
		{"pidof PATH: wall time to pgrep", func(r *Result) { r.set(at{key: pgrep, processes: thousands}, 479*ms, time.Second) }},
		{"peak memory", func(r *Result) {
			r.set(at{key: stale, processes: thousands}, time.Second, time.Second).Memory = memoryBudget + 1
		}},
		{"size of the stripped", func(r *Result) { r.binary.bytes = binaryBudget + 1 }},
	} {
		r := invented()
		c.worse(r)
		err := r.Check()
		if err == nil || !strings.HasPrefix(err.Error(), c.missed) || strings.Contains(err.Error(), "\n") ||
			!strings.Contains(err.Error(), " are promised") {
			t.Errorf("%s: %v", c.missed, err)
		}
	}
}

// A machine that slows down between the sizes slows the floor, too.
func TestGrowthIsBesideTheFloor(t *testing.T) {
	ms := time.Millisecond
	r := invented()
	r.set(at{key: check, processes: thousands}, 40*ms, 32*ms)
	r.set(at{key: floor, processes: thousands}, 20*ms, 20*ms)
	r.set(at{key: check, mounts: manyMounts}, 40*ms, 32*ms)
	r.set(at{key: floor, mounts: manyMounts}, 40*ms, 32*ms)
	r.set(at{key: pipeline, processes: thousands}, 2*time.Second, time.Second)
	if err := r.Check(); err != nil {
		t.Error(err)
	}
}

// A budget that could not be checked has not been kept.
func TestBudgetsNotChecked(t *testing.T) {
	missing := func(keys ...string) func(r *Result) {
		return func(r *Result) {
			for i := range r.Commands {
				for _, key := range keys {
					if r.Commands[i].Key == key {
						r.Commands[i].Missing = "invented: not found"
					}
				}
			}
		}
	}
	for _, c := range []struct {
		why   string
		make  func(r *Result)
		lines int
	}{
		{"invented: not found", missing(sysvinit, pipeline), 3},
		{"invented: not found", missing(ssd), 1},
		{"invented: not found", missing(busybox, ssdPidfile), 0}, // no budget
		{"10,000 processes were not measured", func(r *Result) { r.Sizes = r.Sizes[:2] }, len(budgets) - 2 + 1},
		{"100 processes were not measured", func(r *Result) { r.Sizes = r.Sizes[1:] }, 2},
		{"5,000 mounts were not measured", func(r *Result) { r.Mounts = r.Mounts[:1] }, 2},
		{"another machine", func(r *Result) { r.binary.unlike = "another machine" }, 1},
	} {
		r := invented()
		c.make(r)
		err := r.Check()
		said := ""
		if err != nil {
			said = err.Error()
		}
		if got := strings.Count(said, "not checked: "+c.why); got != c.lines || c.lines > 0 && strings.Count(said, "\n") != c.lines-1 {
			t.Errorf("%d lines of %q are due:\n%s", c.lines, c.why, said)
		}
		if c.lines > 0 && !strings.Contains(r.Markdown(), "not checked: "+c.why) {
			t.Errorf("the page does not say %q", c.why)
		}
	}
}

func TestNumbers(t *testing.T) {
	for in, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(in); got != want {
			t.Errorf("count(%d) = %s, not %s", in, got, want)
		}
	}
	for in, want := range map[float64]string{1.15: "1.15", 0.75: "0.75", 0.02: "1/50", 1. / 138: "1/138", 3.79: "3.79"} {
		if got := times(in); got != want {
			t.Errorf("times(%g) = %s, not %s", in, got, want)
		}
	}
	for in, want := range map[float64]string{0.123: "0.12", 9.996: "10.0", 99.94: "99.9", 99.96: "100", 1234: "1234"} {
		if got := digits(in); got != want {
			t.Errorf("digits(%g) = %s, not %s", in, got, want)
		}
	}
}
