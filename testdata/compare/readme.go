package main

import (
	"fmt"
	"os"

	"pidproof/testdata/bench/report"
)

var quoted = report.Part{Name: "comparison", Command: "make compare"}

// quote renews what a page quotes.
func quote(page, content string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	fresh, err := quoted.Renewed(string(old), content)
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return report.Publish(page, fresh)
}
