package main

import (
	"fmt"
	"os"
	"strings"

	"pidproof/testdata/bench/report"
)

const (
	begin = "<!-- begin: comparison (make compare) -->\n"
	end   = "<!-- end: comparison -->"
)

// quote renews what stands between the markers of a page.
func quote(page, content string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(old), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("%s has no %q, and %q after it", page, strings.TrimSpace(begin), end)
	}
	return report.Publish(page, before+begin+content+end+after)
}
