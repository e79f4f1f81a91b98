package scan

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"pidproof/testdata/bench/host"
	"pidproof/testdata/bench/report"
)

const legend = `F is the pidfile, S a stale one of another instance, D the daemon's path, NAME its name. Times in ms: the median,
and the 10th and 90th percentile. ×: the median as a multiple of that of pidproof check -p F D, of pidproof pidof D, and
of the floor: an empty static Go program that links the libraries which pidproof was given (kong, procfs, x/sys). Memory:
the most that a run took.
`

const method = `The processes are copies of sleep(1) under ten paths, and the daemon with one worker. At each size the commands take
turns in a random order; what the narrow budgets are about has five turns a round. Wall time runs from the fork to the
end. CPU time is that of the program and its children, user and system; memory is the resident peak of the largest
process among them (wait4(2)). All answers were right: the output names the daemon's main process, or the exit code says
that it runs. The mounts are bind mounts of a directory, beside the daemon alone.

`

const nobodyElse = "The processes have a PID namespace of their own: no others were in /proc.\n\n"

const amongOthers = "They ran among the other processes of the machine, which count, too: it allows no namespaces.\n\n"

// table compares the commands beside so many processes, with two of pidproof's and with the floor.
func (s Size) table(r *Result) report.Table {
	t := report.Table{Head: []string{"command", "runs", "wall time", "× check", "× pidof", "CPU time", "× floor", "memory"}}
	multiple := func(runs []Run, measure func([]Run) []time.Duration, of string) string {
		other, _ := r.runs(s.of(of)) // neither pidproof nor the floor can be missing
		return digits(ratio(measure(runs), measure(other)))
	}
	nothing, _ := r.runs(s.of(empty))
	for i, c := range r.Commands {
		runs := s.Runs[i]
		if len(runs) == 0 {
			continue
		}
		// The launcher's own size hides what is smaller, and the empty program is.
		peak := mib(slices.Max(memory(runs)))
		if smallest := slices.Max(memory(nothing)); slices.Max(memory(runs)) <= smallest {
			peak = "≤ " + mib(smallest)
		}
		t.Rows = append(t.Rows, []string{c.Name, count(len(runs)),
			spread(wall(runs)), multiple(runs, wall, check), multiple(runs, wall, pidof),
			spread(cpu(runs)), multiple(runs, cpu, floor), peak})
	}
	return t
}

func (s Size) of(key string) at { return at{key, s.Processes, s.Mounts} }

// mountTable compares what a check costs beside few mounts, and beside many.
func (r *Result) mountTable() report.Table {
	t := report.Table{Head: []string{"command", "mounts", "runs", "wall time", "CPU time", "× floor"}}
	for _, size := range r.Mounts {
		nothing, _ := r.runs(size.of(floor))
		for i, runs := range size.Runs {
			if len(runs) > 0 {
				t.Rows = append(t.Rows, []string{r.Commands[i].Name, count(size.Mounts), count(len(runs)),
					spread(wall(runs)), spread(cpu(runs)), digits(ratio(cpu(runs), cpu(nothing)))})
			}
		}
	}
	return t
}

// Print writes the result for a terminal.
func (r *Result) Print(to io.Writer) error {
	fmt.Fprintln(to, strings.Join(host.Machine(r.tools), "\n"))
	for _, size := range r.Sizes {
		fmt.Fprintf(to, "\n%s processes\n", count(size.Processes))
		if err := size.table(r).Print(to); err != nil {
			return err
		}
	}
	if len(r.Mounts) > 0 {
		fmt.Fprint(to, "\nMounts\n")
		if err := r.mountTable().Print(to); err != nil {
			return err
		}
	}
	fmt.Fprintf(to, "\n%s", legend)
	for _, line := range r.missing() {
		fmt.Fprintf(to, "Left out: %s\n", line)
	}
	fmt.Fprintln(to, "\nBudgets:")
	for _, f := range r.findings() {
		fmt.Fprintf(to, "%-6s %s\n", f.mark(), f)
	}
	return nil
}

// Markdown is the page for the documentation.
func (r *Result) Markdown() string {
	var text strings.Builder
	text.WriteString("<!-- written by `make bench` -->\n\n# What does it cost to ask for a daemon?\n\n" +
		"![Cost against the number of processes](scan.svg)\n\n" + legend)
	for i := range r.Sizes {
		size := r.Sizes[len(r.Sizes)-1-i] // what matters most first
		fmt.Fprintf(&text, "\n## %s processes\n\n%s", count(size.Processes), size.table(r).Markdown())
	}
	if len(r.Mounts) > 0 {
		text.WriteString("\n## Mounts\n\n" + r.mountTable().Markdown())
	}
	text.WriteString("\n## What is promised\n\nA measured value in bold exceeds its budget.\n\n| budget | measured | at most |\n|---|--:|--:|\n")
	for _, f := range r.findings() {
		seen := f.seen
		if f.missing != "" {
			seen = "not checked: " + f.missing
		} else if !f.kept {
			seen = "**" + seen + "**"
		}
		fmt.Fprintf(&text, "| %s | %s | %s |\n", f.what, seen, f.limit)
	}
	text.WriteString("\n" + method)
	if r.own {
		text.WriteString(nobodyElse)
	} else {
		text.WriteString(amongOthers)
	}
	for _, line := range r.missing() {
		text.WriteString("- left out: " + line + "\n")
	}
	for _, line := range host.Machine(r.tools) {
		text.WriteString("- " + line + "\n")
	}
	return text.String()
}

func (f finding) mark() string {
	switch {
	case f.missing != "":
		return "-"
	case f.kept:
		return "kept"
	}
	return "MISSED"
}

// missing says what was not measured, and why.
func (r *Result) missing() []string {
	lines := slices.Clone(r.LeftOut)
	for _, c := range r.Commands {
		if c.Missing != "" {
			lines = append(lines, c.Name+": "+c.Missing)
		}
	}
	return lines
}

// Files are what goes into the documentation.
func (r *Result) Files() (map[string]string, error) {
	plot, err := r.svg()
	return map[string]string{"scan.md": r.Markdown(), "scan.svg": plot}, err
}
