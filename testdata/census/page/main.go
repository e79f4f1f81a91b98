// Page writes what a census has seen into the tables of docs/ondemand.md. Without all results it writes nothing: a test
// that could not be carried out leaves none.
package main

import (
	"errors"
	"fmt"
	"os"

	"pidproof/testdata/bench/report"
	"pidproof/testdata/census"
)

var part = report.Part{Name: "census", Command: "make census"}

func main() { report.Main("docs/ondemand.md", "what the census has seen", run) }

func run(page, results string) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	rows, err := read(results)
	if err != nil {
		return err
	}
	fresh, err := part.Renewed(string(content), tables(rows))
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
	all, err := report.Recorded[census.Result](results)
	if err != nil {
		return nil, err
	}
	seen := map[string]row{}
	for _, result := range all {
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
