// Page writes what the long runs have tried into the table of docs/threat-model.md: it reads the results that testdata/rounds
// has recorded. Without a result for each row that was to be tried it writes nothing: a test that failed leaves none.
package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"

	"pidproof/testdata/bench/report"
	"pidproof/testdata/rounds"
)

var part = report.Part{Name: "attacks", Command: "make attack"}

var only = flag.String("only", "", "this `test` alone was tried; the numbers of the others stay as they are")

func main() {
	report.Main("docs/threat-model.md", "what the tests have recorded; without it the numbers stay as they are", run)
}

func run(page, results string) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	tried, err := shown(string(content))
	if results != "" && err == nil {
		var now map[string]string
		now, err = recorded(results, *only)
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
	fresh, err := part.Renewed(string(content), text)
	if err != nil {
		return err
	}
	return report.Publish(page, fresh)
}

// recorded adds up what each test has tried, or only one of them.
func recorded(path, only string) (map[string]string, error) {
	results, err := report.Recorded[rounds.Result](path)
	if err != nil {
		return nil, err
	}
	sums := map[string]int{}
	for _, result := range results {
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
