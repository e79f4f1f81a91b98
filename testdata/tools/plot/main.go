// Plot draws what the bench has measured: it reads the numbers as JSON, and writes an SVG.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// drawing is testdata/bench/scan's.
type drawing struct {
	Sizes  []size
	Curves []curve // the last above the others
}

type size struct {
	Processes float64
	Label     string
}

// curve is a command in the plot; times are in ms.
type curve struct {
	Label  string
	Kind   string // of looks
	Points []point
}

type point struct{ Processes, Median, Low, High float64 }

// end is where its name stands.
func (c curve) end() float64 { return c.Points[len(c.Points)-1].Median }

func main() {
	var d drawing
	err := json.NewDecoder(os.Stdin).Decode(&d)
	if err == nil {
		var svg string
		if svg, err = d.svg(); err == nil {
			_, err = fmt.Print(svg)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}
