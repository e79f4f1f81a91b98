package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const head = "| Who | tries | and finds | Test | Tried |\n|---|---|---|---|--:|\n"

// untried stands where no long run has held yet.
const untried = "–"

// table has a line for each row. Where a test stands is found, so that a link is never stale.
func table(tests, tried map[string]string) (string, error) {
	text := strings.Builder{}
	text.WriteString(head)
	for _, row := range rows {
		file, exists := tests[row.test]
		if !exists {
			return "", fmt.Errorf("there is no %s", row.test)
		}
		times := tried[row.test]
		if times == "" {
			times = untried
		}
		fmt.Fprintf(&text, "| %s | %s | %s | [%s](../%s) | %s |\n", row.who, row.tries, row.promise, row.test, file, times)
	}
	return text.String(), nil
}

var shownRow = regexp.MustCompile(`(?m)^\|.*\| \[(Test\w+)\]\([^)]*\) \| (\S+) \|$`)

// shown is what a page says of how often each test tried.
func shown(page string) (map[string]string, error) {
	tried := map[string]string{}
	for _, m := range shownRow.FindAllStringSubmatch(page, -1) {
		if before, twice := tried[m[1]]; twice && before != m[2] {
			return nil, fmt.Errorf("the page says %s and %s of %s", before, m[2], m[1])
		}
		tried[m[1]] = m[2]
	}
	return tried, nil
}

// folders hold the tests of which the table speaks.
var folders = []string{"testdata/attack", "testdata/histories", "testdata/faults", "cmd/pidproof"}

// testsBelow finds the tests, and the files in which they stand.
func testsBelow(root string) (map[string]string, error) {
	tests := map[string]string{}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, source, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			for _, declared := range tree.Decls {
				if f, is := declared.(*ast.FuncDecl); is && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "TestMain" {
					tests[f.Name.Name] = filepath.ToSlash(filepath.Join(folder, filepath.Base(file)))
				}
			}
		}
	}
	return tests, nil
}
