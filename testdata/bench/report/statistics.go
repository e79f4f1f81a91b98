// Package report turns what the benchmarks measured into text: statistics, tables, files.
package report

import (
	"fmt"
	"slices"
	"time"
)

// Median lies between the two in the middle, of an even number of values.
func Median[N ~int64](of []N) N {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Percentile returns the least value that p percent of all do not exceed.
func Percentile[N ~int64](of []N, p int) N {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[max(len(sorted)*p+99, 100)/100-1]
}

// Ms writes a time in milliseconds.
func Ms(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
