package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStatistics(t *testing.T) {
	var ten []time.Duration
	for i := range 10 {
		ten = append(ten, time.Duration(10-i))
	}
	for _, c := range []struct {
		of               []time.Duration
		median, p10, p90 time.Duration
	}{
		{[]time.Duration{7}, 7, 7, 7},
		{[]time.Duration{3, 1, 2}, 2, 1, 3},
		{[]time.Duration{40, 10, 20, 30}, 25, 10, 40},
		{ten, 5, 1, 9},
	} {
		if m, low, high := Median(c.of), Percentile(c.of, 10), Percentile(c.of, 90); m != c.median || low != c.p10 || high != c.p90 {
			t.Errorf("of %v: median %d, p10 %d, p90 %d, not %d, %d and %d", c.of, m, low, high, c.median, c.p10, c.p90)
		}
	}
}

func TestTable(t *testing.T) {
	table := Table{Head: []string{"command", "time"}, Rows: [][]string{{"a | b", "7 ms"}}}
	want := "| command | time |\n|---|--:|\n| `a \\| b` | 7 ms |\n"
	if got := table.Markdown(); got != want {
		t.Errorf("Markdown:\n%snot:\n%s", got, want)
	}
	var text strings.Builder
	if err := table.Print(&text); err != nil {
		t.Fatal(err)
	}
	if want := "command  time\na | b    7 ms\n"; text.String() != want {
		t.Errorf("as text:\n%snot:\n%s", text.String(), want)
	}
}

// A page without both marks, in their order, is an error, and not a page without the part.
func TestRenewed(t *testing.T) {
	begin, end := Part{Name: "part", Command: "make part"}.Marks()
	for page, want := range map[string]string{
		"a\n" + begin + "old\n" + end + "\nb\n": "a\n" + begin + "new\n" + end + "\nb\n",
		begin + end:                             begin + "new\n" + end, begin: "", end + begin: "", "a\n": "",
	} {
		got, err := Part{Name: "part", Command: "make part"}.Renewed(page, "new\n")
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", page, got, err, want)
		}
	}
}

// What cannot be put in place leaves the old file, and nothing else.
func TestPublish(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "table.md")
	for _, content := range []string{"old", "new"} {
		if err := Publish(path, content); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("published %q: %q, %v", content, got, err)
		}
	}
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Publish(folder, "content"); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left: %v (%v)", left, err)
	}
}
