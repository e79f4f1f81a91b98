package scan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pidproof/testdata/bench/report"
)

// drawing is what testdata/tools/plot draws. That is a module of its own, so that whoever builds or vendors pidproof
// needs none of what draws.
type drawing struct {
	Sizes  []plotted
	Curves []curve
}

type plotted struct {
	Processes int
	Label     string
}

// curve is a command in the plot: points at (processes, ms).
type curve struct {
	Label, Kind string
	Points      []point
}

// point has a median, and percentiles 10 and 90, in ms.
type point struct {
	Processes         int
	Median, Low, High float64
}

// svg draws wall times against numbers of processes.
func (r *Result) svg() (string, error) {
	numbers, err := json.Marshal(drawing{r.plotted(), r.curves()})
	if err != nil {
		return "", err
	}
	module, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	draw := exec.Command("go", "-C", filepath.Join(filepath.Dir(strings.TrimSpace(string(module))), "testdata/tools"), "run", "./plot")
	var said bytes.Buffer
	draw.Stdin, draw.Stderr = bytes.NewReader(numbers), &said
	svg, err := draw.Output()
	if err != nil {
		return "", fmt.Errorf("drawing the plot: %w: %s", err, said.String())
	}
	return string(svg), nil
}

func (r *Result) plotted() (sizes []plotted) {
	for _, size := range r.Sizes {
		sizes = append(sizes, plotted{size.Processes, count(size.Processes)})
	}
	return sizes
}

// kinds are ours, their bug and the others; those that come later lie above.
var kinds = []string{"theirs", "floor", "bug", "ours"}

func (r *Result) curves() (curves []curve) {
	for i, command := range r.Commands {
		if command.Plot == "" || command.Missing != "" {
			continue
		}
		c := curve{Label: command.Plot, Kind: "theirs"}
		switch {
		case command.Ours:
			c.Kind = "ours"
		case command.Key == pipeline:
			c.Kind = "bug"
		case command.Key == empty:
			c.Kind = "floor"
		}
		for _, size := range r.Sizes {
			times := wall(size.Runs[i])
			c.Points = append(c.Points, point{size.Processes, inMs(report.Median(times)),
				inMs(report.Percentile(times, 10)), inMs(report.Percentile(times, 90))})
		}
		if len(c.Points) > 0 {
			curves = append(curves, c)
		}
	}
	slices.SortStableFunc(curves, func(a, b curve) int {
		return cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind))
	})
	return curves
}

func inMs(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
