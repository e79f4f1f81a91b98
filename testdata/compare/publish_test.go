package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What is published adds up: its scores are those of its own cells, and the README quotes them.
func TestPublishedScores(t *testing.T) {
	page := readPage(t, published)
	columns := page.columns(t)
	var scores []string
	for _, s := range columns {
		scores = append(scores, s.String())
	}
	if !slices.Equal(page.scores, scores) {
		t.Errorf("%s: \"right in\" says %q, its cells %q; run `make compare`", published, page.scores, scores)
	}
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := summaryOf(page.head[1:], columns)
	if fresh, err := quoted.Renewed(string(text), want); err != nil || fresh != string(text) {
		t.Errorf("README.md does not quote what %s has (%v):\n%srun `make compare`", published, err, want)
	}
}

// columns counts the cells of each tool.
func (p page) columns(t *testing.T) []score {
	t.Helper()
	if len(p.rows) == 0 || len(p.head) != len(tools)+1 {
		t.Fatalf("%d rows, columns %q", len(p.rows), p.head)
	}
	columns := make([]score, len(tools))
	for _, row := range p.rows {
		for i, c := range row.cells {
			switch s := &columns[i]; cell(c) {
			case noQuestion:
			case right:
				s.right, s.of = s.right+1, s.of+1
			case hang:
				s.hang, s.of = s.hang+1, s.of+1
			case wrong:
				s.of++
			default:
				t.Errorf("%s: a cell %q", row.file, c)
			}
		}
	}
	return columns
}

// The page has the titles of the scenarios, in their order.
func TestPublishedTitles(t *testing.T) {
	all, err := loadScenarios("scenarios")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, s := range all {
		want = append(want, s.header.Title)
	}
	if !slices.IsSorted(want) {
		t.Errorf("not in order: %q", want)
	}
	for _, row := range readPage(t, published).rows {
		got = append(got, row.title)
		at := slices.IndexFunc(all, func(s scenario) bool { return s.name+".sh" == row.file })
		if at < 0 || all[at].header.Title != row.title {
			t.Errorf("%s has %q for %s; run `make compare`", published, row.title, row.file)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s has %q, want %q; run `make compare`", published, got, want)
	}
}

func TestPublishes(t *testing.T) {
	t.Chdir("../..")
	page, err := filepath.Abs(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		out, readme string
		want        bool
	}{
		{pageFile, "", true},
		{"./docs/../" + pageFile, "", true},
		{page, "", true},
		{"/tmp/page.md", "", false},
		{"/tmp/page.md", "README.md", true},
	} {
		if got := publishes(c.out, c.readme); got != c.want {
			t.Errorf("-out %s -readme %q: %v", c.out, c.readme, got)
		}
	}
}

func TestPublishable(t *testing.T) {
	for _, c := range []struct {
		version string
		missing []string
		want    string
	}{
		{"pidproof b34545e", nil, ""},
		{"pidproof b34545e-dirty", nil, "pidproof b34545e-dirty is of no commit"},
		{"pidproof b34545e", []string{"busybox: not found (apt install busybox)"}, "busybox: not found (apt install busybox)"},
	} {
		err := publishable(c.version, c.missing)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, missing %q: %v", c.version, c.missing, err)
		}
	}
}

// An -out that cannot be written is noticed before anything is played.
func TestUnwritable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for out, want := range map[string]bool{
		file:                true,
		dir + "/new.md":     true,
		dir:                 false,
		dir + "/no/page.md": false,
		file + "/page.md":   false,
	} {
		if err := writable(out); (err == nil) != want {
			t.Errorf("%s: %v", out, err)
		}
	}
	copyScenario(t, "replaced", dir)
	said, err := lab(t, "-scenarios", dir, "-out", dir+"/no/page.md").CombinedOutput()
	if err == nil || strings.Contains(string(said), "1/1 ") || !strings.Contains(string(said), "-out: ") {
		t.Errorf("%v, after: %s", err, said)
	}
}

// A build of no commit publishes nothing, and leaves what is there.
func TestDirtyIsNotPublished(t *testing.T) {
	dir := t.TempDir()
	copyScenario(t, "replaced", dir)
	quoting := filepath.Join(dir, "README.md")
	begin, end := quoted.Marks()
	if err := os.WriteFile(quoting, []byte(begin+"old\n"+end), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/dirty", []byte("#!/bin/sh\necho pidproof 1-dirty\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := lab(t, "-scenarios", dir, "-out", dir+"/page.md", "-readme", quoting, "-pidproof", dir+"/dirty")
	said, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(said), "not published: pidproof 1-dirty") || strings.Contains(string(said), "1/1 ") {
		t.Errorf("%v, after: %s", err, said)
	}
	left, err := os.ReadFile(quoting)
	if _, missing := os.Stat(dir + "/page.md"); err != nil || string(left) != begin+"old\n"+end || missing == nil {
		t.Errorf("it was published: %s, %v", left, err)
	}
}
