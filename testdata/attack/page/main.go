// Page writes what the long runs have tried into the table of docs/threat-model.md: it reads the results that testdata/rounds
// has recorded. Without a result for each row that was to be tried it writes nothing: a test that failed leaves none.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"strings"

	"pidproof/testdata/bench/report"
	"pidproof/testdata/rounds"
)

const (
	begin = "<!-- begin: attacks (make attack) -->\n"
	end   = "<!-- end: attacks -->"
)

func main() {
	page := flag.String("page", "docs/threat-model.md", "write the table into this `file`")
	results := flag.String("results", "", "what the tests have recorded; without it the numbers stay as they are")
	only := flag.String("only", "", "this `test` alone was tried; the numbers of the others stay as they are")
	flag.Parse()
	if err := run(*page, *results, *only); err != nil {
		fmt.Fprintf(os.Stderr, "page: %v\n", err)
		os.Exit(1)
	}
}

func run(page, results, only string) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	tried, err := shown(string(content))
	if results != "" && err == nil {
		var now map[string]string
		now, err = recorded(results, only)
		maps.Copy(tried, now)
	}
	if err != nil {
		return err
	}
	tests, err := testsBelow(".")
	if err != nil {
		return err
	}
	text, err := table(tests, tried)
	if err != nil {
		return err
	}
	fresh, err := put(string(content), text)
	if err != nil {
		return err
	}
	return report.Publish(page, fresh)
}

// recorded adds up what each test has tried, or only one of them.
func recorded(path, only string) (map[string]string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sums := map[string]int{}
	for line := range bytes.Lines(content) {
		var result rounds.Result
		if err := json.Unmarshal(line, &result); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		sums[result.Test] += result.Tried
	}
	tried := map[string]string{}
	for _, row := range rows {
		if only != "" && row.test != only {
			continue
		}
		if sums[row.test] == 0 {
			err = errors.Join(err, fmt.Errorf("%s has not held, or was not run", row.test))
		}
		tried[row.test] = thousands(sums[row.test])
	}
	return tried, err
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// put renews what stands between the markers.
func put(page, text string) (string, error) {
	before, rest, begins := strings.Cut(page, begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return "", fmt.Errorf("the page has no %q, and %q after it", strings.TrimSpace(begin), end)
	}
	return before + begin + text + end + after, nil
}
