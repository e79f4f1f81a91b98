package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// labelled are the places that a person found in the scripts of testdata/audit, by script.
func labelled(t testing.TB) (scripts map[string]string, places map[string]bool) {
	dir := filepath.Join("..", "..", "..", "..", "testdata", "audit")
	archive, err := txtar.ParseFile(filepath.Join(dir, "scripts.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	scripts, places = map[string]string{}, map[string]bool{}
	for _, f := range archive.Files {
		scripts[strings.Fields(f.Name)[0]] = string(f.Data)
	}
	content, err := os.ReadFile(filepath.Join(dir, "labels"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		words := strings.Fields(line)
		if len(words) != 2 || words[0] == "#" {
			continue
		}
		script, _, _ := strings.Cut(words[0], ":")
		if scripts[script] == "" {
			t.Fatalf("%s is not among the scripts", script)
		}
		if words[1] != "none" {
			places[words[0]+" "+words[1]] = true
		}
	}
	return scripts, places
}

// Of what a person finds at least 95 %, and at most 5 % that a person does not (issue 17.4).
func TestGroundTruth(t *testing.T) {
	scripts, places := labelled(t)
	if len(scripts) < 59 || len(places) < 200 {
		t.Fatalf("only %d scripts and %d places", len(scripts), len(places))
	}
	found, right := 0, 0
	for name, text := range scripts {
		for _, f := range ofText(t, name, text) {
			found++
			place := fmt.Sprintf("%s:%d %s", name, f.Line, f.Kind)
			if places[place] {
				right++
				delete(places, place)
				continue
			}
			t.Logf("false: %s: %s", place, f.Words)
		}
	}
	for place := range places {
		t.Logf("missing: %s", place)
	}
	all := right + len(places)
	t.Logf("%d of %d places, %d of %d false", right, all, found-right, found)
	if right*100 < all*95 {
		t.Errorf("only %d of %d places were found", right, all)
	}
	if (found-right)*100 > found*5 {
		t.Errorf("%d of %d findings are none", found-right, found)
	}
}

// ofText audits a script that is not in a file.
func ofText(t testing.TB, path, text string) []Finding {
	s, err := parse(path, text)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	src := look(s, nil)
	return src.supply(find(src))
}

// A patched script has nothing left that could be patched, parses, and says elsewhere what it
// said before (issue 17.2).
func TestPatchTwice(t *testing.T) {
	scripts, _ := labelled(t)
	done := 0
	for name, text := range scripts {
		s, err := parse(name, text)
		if err != nil {
			t.Fatal(err)
		}
		src := look(s, nil)
		before := src.supply(find(src))
		p := settle(s, patchOf(s, before), before)
		done += p.Done
		after := ofText(t, name, p.Text())
		if again := patchOf(&script{path: name, text: p.Text()}, after); again.Done != 0 || again.Diff() != "" {
			t.Errorf("%s is patched twice:\n%s", name, again.Diff())
		}
		if len(before)-len(after) != p.Done {
			t.Errorf("%s: %d findings, %d replaced, and then %d", name, len(before), p.Done, len(after))
		}
		left := Report{Findings: before}.Left()
		for i, f := range (Report{Findings: after}).Open() { // what a patched script does not pass is what was said to be left
			if i >= len(left) || f.Kind != left[i].Kind || f.Words != left[i].Words {
				t.Errorf("%s: the patched script has a %s that was not said to be left: %s", name, f.Kind, f.Words)
			}
		}
	}
	if done < 20 {
		t.Errorf("only %d places were replaced", done)
	}
}
