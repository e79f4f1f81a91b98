package scan

import (
	"fmt"
	"strconv"
	"time"

	"pidproof/testdata/bench/report"
)

// count writes a number with commas.
func count(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// times writes a ratio; a small one as a fraction.
func times(ratio float64) string {
	if ratio > 0 && ratio < 0.7 {
		return fmt.Sprintf("1/%.3g", 1/ratio)
	}
	return fmt.Sprintf("%.3g", ratio)
}

func mib(k KiB) string { return fmt.Sprintf("%.1f MiB", float64(k)/1024) }

// spread is the median of times with the tenth and the ninetieth percentile.
func spread(of []time.Duration) string {
	low, high := report.Percentile(of, 10), report.Percentile(of, 90)
	return fmt.Sprintf("%s (%s–%s)", millis(report.Median(of)), millis(low), millis(high))
}

func millis(d time.Duration) string { return digits(float64(d) / float64(time.Millisecond)) }

// digits has three, or more before the point.
func digits(number float64) string {
	switch {
	case number < 9.995:
		return fmt.Sprintf("%.2f", number)
	case number < 99.95:
		return fmt.Sprintf("%.1f", number)
	}
	return fmt.Sprintf("%.0f", number)
}
