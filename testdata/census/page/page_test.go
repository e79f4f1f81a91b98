package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pidproof/testdata/census"
	"pidproof/testdata/must"
)

// results of every package, plain and wrapped, but those that leave says no to.
func results(t *testing.T, leave func(census.Result) bool) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "results")
	var lines []byte
	for _, group := range census.Groups() {
		for _, p := range group {
			for _, operation := range []census.Operation{census.Install, census.Upgrade, census.Remove} {
				for _, mode := range []census.Mode{census.Plain, census.Wrapped} {
					result := census.Result{Mode: mode, Seen: census.Seen{Package: p.Name, Operation: operation, Triggers: []string{"x.socket /run/x"},
						Calls: []census.Call{{Script: "prerm", Command: "systemctl stop x.service"}}}}
					if mode == census.Plain {
						result.Seen.Starts = []census.Start{{Unit: "x.service", During: "prerm"}}
					}
					if !leave(result) {
						line, err := json.Marshal(result)
						must.Do(t, err)
						lines = append(append(lines, line...), '\n')
					}
				}
			}
		}
	}
	must.Do(t, os.WriteFile(file, lines, 0o644))
	return file
}

// The page has the packages of the list, and no others. (issue 16.7)
func TestPage(t *testing.T) {
	content, err := os.ReadFile("../../../docs/ondemand.md")
	must.Do(t, err)
	_, table, _ := strings.Cut(string(content), "### Upgrade")
	table, _, _ = strings.Cut(table, "### Removal")
	rows := map[string]bool{}
	for line := range strings.Lines(table) {
		if name, is := strings.CutPrefix(line, "| "); is && !strings.HasPrefix(name, "Package ") {
			name, _, _ = strings.Cut(name, " | ")
			rows[name] = true
		}
	}
	for _, group := range census.Groups() {
		for _, p := range group {
			if !rows[p.Name] {
				t.Errorf("docs/ondemand.md has no row for %s: make census", p.Name)
			}
			delete(rows, p.Name)
		}
	}
	for name := range rows {
		t.Errorf("docs/ondemand.md has a row for %s, which is not in the list", name)
	}
}

func TestRun(t *testing.T) {
	fresh := filepath.Join(t.TempDir(), "page.md")
	begin, end := part.Marks()
	must.Write(t, fresh, "before\n"+begin+"old\n"+end+"\nafter\n")
	must.Do(t, run(fresh, results(t, func(census.Result) bool { return false })))
	content, err := os.ReadFile(fresh)
	must.Do(t, err)
	for _, want := range []string{"before\n" + begin, end + "\nafter\n",
		"| rpcbind | x.socket | yes | x.service (prerm) → – | – | as before | – |\n", "prerm: `systemctl stop x.service`"} {
		if !strings.Contains(string(content), want) {
			t.Errorf("the page has no %q:\n%s", want, content)
		}
	}
	missing := results(t, func(r census.Result) bool {
		return r.Seen.Package == "rpcbind" && r.Mode == census.Wrapped && r.Seen.Operation == census.Remove
	})
	if err := run(fresh, missing); err == nil || !strings.Contains(err.Error(), "rpcbind: remove was seen in 1 of 2 modes") {
		t.Errorf("a result is missing: %v", err)
	}
	must.Write(t, fresh, "no place")
	if err := run(fresh, results(t, func(census.Result) bool { return false })); err == nil {
		t.Error("a page without a place for the tables was written")
	}
}
