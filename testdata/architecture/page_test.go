package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func TestPageIsOfThisCode(t *testing.T) {
	if err := run(root, true); err != nil {
		t.Error(err)
	}
}

// What the page shows is what is there: a new arrow, a moved rule, a file that is gone.
func TestPageSeesChanges(t *testing.T) {
	before := []listed{{ImportPath: module + "matcher/internal/rules", Imports: []string{"fmt", module + "matcher/internal/fact"}},
		{ImportPath: module + "matcher/internal/fact"}, {ImportPath: module + rooms + "/say"}}
	after := slices.Clone(before)
	after[0].Imports = append(slices.Clone(before[0].Imports), "golang.org/x/sys/unix")
	if was := figure(before); !strings.Contains(was, "rules --> matcher_internal_fact") || strings.Contains(was, "golang") || strings.Contains(was, "fmt") {
		t.Errorf("the rules import facts only; drawn is\n%s", was)
	}
	if is := figure(after); !strings.Contains(is, "rules -.-> golang_org_x_sys") {
		t.Errorf("the rules import unix; drawn is\n%s", is)
	}
	for text, gone := range map[string]int{"`matcher/check.go`, `matcher` and `docs/NAME.8`": 0, "`matcher/chekc.go`": 1, "`nowhere.md`": 1, "`/proc`, `check`": 0} {
		if errs := missing(root, text); len(errs) != gone {
			t.Errorf("of %q are missing %q", text, errs)
		}
	}
}

// A page without a place for what is generated is an error, not a page without it.
func TestMarkers(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"layers", "walk", "rules", "commands"} {
		if _, err := renewed(root, strings.Replace(string(content), "<!-- end: "+name+" -->", "", 1)); err == nil {
			t.Errorf("the page has no end of %s, and nobody says so", name)
		}
	}
}
