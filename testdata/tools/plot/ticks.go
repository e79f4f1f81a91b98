package main

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
)

func (d drawing) sizeTicks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for _, size := range d.Sizes {
		ticks = append(ticks, plot.Tick{Value: size.Processes, Label: size.Label})
	}
	return ticks
}

// timeTicks names the powers of ten, and marks the numbers between.
func timeTicks(low, high float64) (ticks []plot.Tick) {
	for power := math.Pow(10, math.Floor(math.Log10(low))); power <= high; power *= 10 {
		for digit := 1.; digit < 10; digit++ {
			if at := power * digit; at >= low && at <= high {
				tick := plot.Tick{Value: at}
				if digit == 1 {
					tick.Label = tickLabel(power)
				}
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}

func tickLabel(ms float64) string {
	if ms >= 1000 {
		return fmt.Sprintf("%g s", ms/1000)
	}
	return fmt.Sprintf("%g ms", ms)
}
