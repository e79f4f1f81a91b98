package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
)

// Part is what a command writes into a page that else is written by hand: all between two marks.
type Part struct{ Name, Command string }

// Marks are comments of the page's, so that nobody sees them who reads it.
func (p Part) Marks() (begin, end string) {
	return fmt.Sprintf("<!-- begin: %s (%s) -->\n", p.Name, p.Command), fmt.Sprintf("<!-- end: %s -->", p.Name)
}

// Renewed is the page with another text between the marks.
func (p Part) Renewed(page, text string) (string, error) {
	begin, end := p.Marks()
	before, rest, begins := strings.Cut(page, begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return "", fmt.Errorf("the page has no %q, and %q after it", strings.TrimSpace(begin), end)
	}
	return before + begin + text + end + after, nil
}

// Main is that of a program that writes what was seen into a page.
func Main(page, seen string, write func(page, results string) error) {
	flag.StringVar(&page, "page", page, "write into this `file`")
	results := flag.String("results", "", seen)
	flag.Parse()
	if err := write(page, *results); err != nil {
		fmt.Fprintf(os.Stderr, "page: %v\n", err)
		os.Exit(1)
	}
}

// Recorded reads a file of results, each an object of JSON on a line of its own.
func Recorded[Result any](path string) (results []Result, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(content) {
		var result Result
		if err := json.Unmarshal(line, &result); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		results = append(results, result)
	}
	return results, nil
}
