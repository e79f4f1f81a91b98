package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// promise is the longest median that issue 3 allows pidproof.
const promise = 3 * time.Millisecond

// stops is what the stop benchmark saw.
type stops struct {
	commands []stopCommand
	tools    []string
	took     [][]time.Duration // by command
	seen     []time.Duration   // in every stop
}

// rows holds the table, with its head.
func (s *stops) rows() [][]string {
	rows := [][]string{{"command", "rounds", "median", "p90", "max", "ratio"}}
	for i, command := range s.commands {
		took := s.took[i]
		ratio := "-"
		if ours := median(s.took[0]); ours > 0 {
			ratio = fmt.Sprintf("%.1f", float64(median(took))/float64(ours))
		}
		rows = append(rows, []string{command.name, fmt.Sprint(len(took)),
			ms(median(took)), ms(percentile(took, 90)), ms(slices.Max(took)), ratio})
	}
	return rows
}

const stopLegend = `Time from the end of the daemon's last process to the return of the command that stops it.
F is the pidfile, D the daemon. Ratio: to the median of pidproof killproc.
`

const stopMethod = `The daemon has one worker and takes 5 to 300 ms to end after the TERM: in each round another time, the
same for all commands, which take turns in a random order. "wait stopped" only waits, the bench sends the TERM. The end
of a process is when its pidfd says so (pidfd_open(2)); the bench reaps the daemon at once, as init does.

A negative time is a return before the end, which would fail the run for pidproof. dpkg's waits for /proc/PID/exe to
vanish, and looks every 20 ms: the link goes first, while the process may still hold its files and sockets.

`

func (s *stops) print(to io.Writer) error {
	fmt.Fprintln(to, strings.Join(machine(s.tools), "\n"))
	fmt.Fprintf(to, "\n%s\n", stopLegend)
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, row := range s.rows() {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(to, "\n%s\n", s.baseline())
	return err
}

// baseline tells how well the bench sees. It sees both ends equally late, so nothing is subtracted.
func (s *stops) baseline() string {
	return fmt.Sprintf("Baseline: the end of a process is seen %s (median; p90 %s) after its last act. Nothing is subtracted.",
		ms(median(s.seen)), ms(percentile(s.seen, 90)))
}

func (s *stops) markdown() string {
	var text strings.Builder
	text.WriteString("<!-- written by `make bench` -->\n\n# How soon does a stop command return?\n\n" + stopLegend + "\n")
	for i, row := range s.rows() {
		row[0] = "`" + row[0] + "`"
		if i == 0 {
			row[0] = "command"
		}
		text.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			text.WriteString("|---|--:|--:|--:|--:|--:|\n")
		}
	}
	fmt.Fprintf(&text, "\n%s\n\n", s.baseline())
	text.WriteString(stopMethod)
	for _, line := range machine(s.tools) {
		text.WriteString("- " + line + "\n")
	}
	return text.String()
}

// check fails when pidproof is slower than promised.
func (s *stops) check() error {
	for i, command := range s.commands {
		if m := median(s.took[i]); command.promised && m > promise {
			return fmt.Errorf("%s: the median is %s, and %s are promised", command.name, ms(m), ms(promise))
		}
	}
	return nil
}

func ms(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func median(of []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// percentile returns the least value that p percent of all do not exceed.
func percentile(of []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[(len(sorted)*p+99)/100-1]
}
