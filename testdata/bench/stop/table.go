package stop

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"pidproof/testdata/bench/host"
	"pidproof/testdata/bench/report"
)

// promise is the longest median that issue 3 allows pidproof.
const promise = 3 * time.Millisecond

// Result is what the stop benchmark saw.
type Result struct {
	commands []command
	tools    []string
	took     [][]time.Duration // by command
	seen     []time.Duration   // in every stop
}

func (s *Result) table() report.Table {
	table := report.Table{Head: []string{"command", "rounds", "median", "p90", "max", "ratio"}}
	for i, command := range s.commands {
		took := s.took[i]
		ratio := "-"
		if ours := report.Median(s.took[0]); ours > 0 {
			ratio = fmt.Sprintf("%.1f", float64(report.Median(took))/float64(ours))
		}
		table.Rows = append(table.Rows, []string{command.name, fmt.Sprint(len(took)),
			report.Ms(report.Median(took)), report.Ms(report.Percentile(took, 90)), report.Ms(slices.Max(took)), ratio})
	}
	return table
}

const legend = `Time from the end of the daemon's last process to the return of the command that stops it.
F is the pidfile, D the daemon. Ratio: to the median of pidproof killproc.
`

const method = `The daemon has one worker and takes 5 to 300 ms to end after the TERM: in each round another time, the
same for all commands, which take turns in a random order. "wait stopped" only waits, the bench sends the TERM. The end
of a process is when its pidfd says so (pidfd_open(2)); the bench reaps the daemon at once, as init does.

A negative time is a return before the end, which would fail the run for pidproof. dpkg's waits for /proc/PID/exe to
vanish, and looks every 20 ms: the link goes first, while the process may still hold its files and sockets.

`

// Print writes the result for a terminal.
func (s *Result) Print(to io.Writer) error {
	fmt.Fprintln(to, strings.Join(host.Machine(s.tools), "\n"))
	fmt.Fprintf(to, "\n%s\n", legend)
	if err := s.table().Print(to); err != nil {
		return err
	}
	_, err := fmt.Fprintf(to, "\n%s\n", s.baseline())
	return err
}

// baseline tells how well the bench sees. It sees both ends equally late, so nothing is subtracted.
func (s *Result) baseline() string {
	return fmt.Sprintf("Baseline: the end of a process is seen %s (median; p90 %s) after its last act. Nothing is subtracted.",
		report.Ms(report.Median(s.seen)), report.Ms(report.Percentile(s.seen, 90)))
}

// Markdown is the page for the documentation.
func (s *Result) Markdown() string {
	var text strings.Builder
	text.WriteString("<!-- written by `make bench` -->\n\n# How soon does a stop command return?\n\n" + legend + "\n")
	text.WriteString(s.table().Markdown())
	fmt.Fprintf(&text, "\n%s\n\n", s.baseline())
	text.WriteString(method)
	for _, line := range host.Machine(s.tools) {
		text.WriteString("- " + line + "\n")
	}
	return text.String()
}

// Check fails when pidproof is slower than promised.
func (s *Result) Check() error {
	for i, command := range s.commands {
		if m := report.Median(s.took[i]); command.promised && m > promise {
			return fmt.Errorf("%s: the median is %s, and %s are promised", command.name, report.Ms(m), report.Ms(promise))
		}
	}
	return nil
}

// Files are what goes into the documentation.
func (s *Result) Files() (map[string]string, error) {
	return map[string]string{"stop.md": s.Markdown()}, nil
}
