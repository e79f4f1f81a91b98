package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	root = "../../.."
	page = root + "/docs/threat-model.md"
)

func TestPageIsOfThisCode(t *testing.T) {
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := testsBelow(root)
	if err != nil {
		t.Fatal(err)
	}
	tried, err := shown(string(content))
	if err != nil {
		t.Fatal(err)
	}
	text, err := table(tests, tried)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := part.Renewed(string(content), text)
	if err != nil {
		t.Fatal(err)
	}
	if fresh != string(content) {
		t.Errorf("%s is not of this code: go run ./testdata/attack/page", page)
	}
}

// Controls show that an attack is real, and one test is about the tests; every other has a row.
func TestEveryAttackHasARow(t *testing.T) {
	tests, err := testsBelow(root)
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, row := range rows {
		has[row.test] = true
		if strings.Contains(row.who+row.tries+row.promise, "|") {
			t.Errorf("%s: a cell must not hold a |", row.test)
		}
	}
	for test, file := range tests {
		if filepath.ToSlash(filepath.Dir(file)) == "testdata/attack" && !has[test] && !strings.HasSuffix(test, "Control") && test != "TestInterruptedWhileFrozen" {
			t.Errorf("%s in %s has no row", test, file)
		}
	}
}

func TestRecorded(t *testing.T) {
	results := filepath.Join(t.TempDir(), "results")
	var lines strings.Builder
	for _, row := range rows {
		lines.WriteString(`{"Test":"` + row.test + `","Tried":600}` + "\n")
	}
	write := func(content string) {
		if err := os.WriteFile(results, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(lines.String() + lines.String())
	tried, err := recorded(results, "")
	if err != nil || tried["TestCrowd"] != "1,200" {
		t.Errorf("got %q, %v", tried["TestCrowd"], err)
	}
	write(strings.ReplaceAll(lines.String(), "TestCrowd", "TestOther"))
	if _, err := recorded(results, ""); err == nil {
		t.Error("a test that has no result must be an error")
	}
	if _, err := recorded(results, "TestCrowd"); err == nil {
		t.Error("so must the only one")
	}
	if tried, err := recorded(results, "TestReusedPID"); err != nil || len(tried) != 1 {
		t.Errorf("got %q, %v", tried, err)
	}
	write("x\n")
	if _, err := recorded(results, ""); err == nil {
		t.Error("damaged results must be an error")
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{7: "7", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
