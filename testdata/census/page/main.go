// Page writes what a census has seen into the tables of docs/ondemand.md. Without all results it writes nothing: a test
// that could not be carried out leaves none.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"pidproof/testdata/bench/report"
	"pidproof/testdata/census"
)

const (
	begin = "<!-- begin: census (make census) -->\n"
	end   = "<!-- end: census -->"
)

func main() {
	page := flag.String("page", "docs/ondemand.md", "write the tables into this `file`")
	results := flag.String("results", "", "what the census has seen")
	flag.Parse()
	if err := run(*page, *results); err != nil {
		fmt.Fprintf(os.Stderr, "page: %v\n", err)
		os.Exit(1)
	}
}

func run(page, results string) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	rows, err := read(results)
	if err != nil {
		return err
	}
	fresh, err := put(string(content), tables(rows))
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return report.Publish(page, fresh)
}

// row is one package, and what was seen of it.
type row struct {
	name string
	seen map[census.Operation]map[census.Mode]census.Seen
}

// read returns the packages in the order of the list.
func read(results string) (rows []row, err error) {
	content, err := os.ReadFile(results)
	if err != nil {
		return nil, err
	}
	seen := map[string]row{}
	for line := range bytes.Lines(content) {
		var result census.Result
		if err := json.Unmarshal(line, &result); err != nil {
			return nil, fmt.Errorf("%s: %w", results, err)
		}
		name := result.Seen.Package
		if seen[name].seen == nil {
			seen[name] = row{name, map[census.Operation]map[census.Mode]census.Seen{}}
		}
		of := seen[name].seen
		if of[result.Seen.Operation] == nil {
			of[result.Seen.Operation] = map[census.Mode]census.Seen{}
		}
		of[result.Seen.Operation][result.Mode] = result.Seen
	}
	for _, group := range census.Groups() {
		for _, p := range group {
			for _, operation := range []census.Operation{census.Install, census.Upgrade, census.Remove} {
				if n := len(seen[p.Name].seen[operation]); n != 2 {
					err = errors.Join(err, fmt.Errorf("%s: %s was seen in %d of 2 modes", p.Name, operation, n))
				}
			}
			rows = append(rows, seen[p.Name])
		}
	}
	return rows, err
}

func put(page, text string) (string, error) {
	before, rest, begins := strings.Cut(page, begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return "", fmt.Errorf("no place for the tables: %q and %q", strings.TrimSpace(begin), end)
	}
	return before + begin + text + end + after, nil
}
